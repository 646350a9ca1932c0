import type { Command } from 'commander'
import type { Finding } from '../app/check-start.ts'
import { examples } from './arguments.ts'
import { describe } from './failure.ts'
import { print, printJson, printTable } from './output.ts'
import { addSettings, allSettings, configOf, settingsInForceOf } from './settings.ts'

interface AsJson {
  readonly json?: true
}

export function addConfigCommands(program: Command): void {
  const config = program
    .command('config')
    .description('the settings in force, and whether a server can start on them')
    // Commander would tell that the default command takes no arguments.
    .hook('preSubcommand', (config, chosen) => {
      const [word = chosen.name()] = config.args
      if (word !== chosen.name() && !word.startsWith('-'))
        config.error(`error: unknown command '${word}' (config has show and check)`)
    })
  const show = config
    .command('show', { isDefault: true })
    .description('print each setting, its value and where that is from; what `entrepot config` alone does')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples([
        ['what a server would go by', 'config show'],
        ['what differs from the defaults, with a tool', `config show --json`],
      ]),
    )
    .action(({ json }: AsJson, command: Command) => {
      const inForce = settingsInForceOf(command).map(({ name, value, from }) => ({ name, value, from }))
      if (json) return printJson(inForce)
      // Values come last, because a long one would move all that stands behind it.
      const rows = inForce.map(({ name, value, from }) => [name, from, value])
      printTable([['SETTING', 'FROM', 'VALUE'], ...rows])
    })
  const check = config
    .command('check')
    .description(
      'look whether a server could start: settings, database, bytes and certificate; a line for each problem, and exit code 1',
    )
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Nothing is made or changed, and a server may be running. Ports are not looked
at. Settings that are wrong end it with 2.
${examples([
  ['before a restart', 'config check'],
  ['with a flag that the server will have', 'config check --data-dir /var/lib/entrepot'],
])}`,
    )
    .action(checkConfig)
  for (const command of [show, check]) addSettings(command, allSettings)
}

async function checkConfig({ json }: AsJson, command: Command): Promise<void> {
  const config = configOf(command)
  // Loaded only now, since it brings the whole server with it.
  const { checkStart } = await import('../app/check-start.ts')
  const findings = (await checkStart(config)).map(told)
  const problems = findings.filter(({ problem }) => problem !== undefined)
  if (problems.length > 0) process.exitCode = 1
  if (json) return printJson(findings)
  printTable(findings.map(({ subject, state }) => [subject, state ?? 'not usable']))
  for (const { problem } of problems) process.stderr.write(`error: ${problem}\n`)
  if (problems.length === 0) print('\nA server can start with these settings.')
}

interface Told {
  readonly subject: string
  readonly state?: string
  /** In a sentence. */
  readonly problem?: string
}

function told(finding: Finding): Told {
  const { subject } = finding
  return 'state' in finding ? finding : { subject, problem: describe(finding.problem, 'server') }
}

import { Command } from 'commander'
import { commit, version } from '../app/version.ts'
import { examples } from './arguments.ts'
import { helpLayout } from './help-layout.ts'
import { addStoreSettings } from './settings.ts'

/** Commands that one file has, by name. */
interface Family {
  readonly names: readonly string[]
  readonly load: () => Promise<(program: Command) => void>
}

/** All commands, below the headings that they have in the help. */
const groups: Readonly<Record<string, readonly Family[]>> = {
  'A server:': [
    { names: ['serve'], load: async () => (await import('./serve.ts')).addServeCommand },
    { names: ['config'], load: async () => (await import('./config.ts')).addConfigCommands },
  ],
  'Its files, over HTTP:': [
    { names: ['login', 'logout'], load: async () => (await import('./remote/login.ts')).addLoginCommands },
    { names: ['file'], load: async () => (await import('./file/file.ts')).addFileCommands },
    { names: ['id'], load: async () => (await import('./id.ts')).addIdCommand },
  ],
  'Who may come in, also while it runs:': [
    { names: ['key'], load: async () => (await import('./installation/key.ts')).addKeyCommands },
    { names: ['org'], load: async () => (await import('./installation/org.ts')).addOrgCommands },
    { names: ['project'], load: async () => (await import('./installation/project.ts')).addProjectCommands },
  ],
  'What it keeps, also while it runs:': [
    { names: ['stats'], load: async () => (await import('./installation/stats.ts')).addStatsCommand },
    { names: ['doctor'], load: async () => (await import('./installation/doctor.ts')).addDoctorCommand },
    { names: ['backup'], load: async () => (await import('./installation/backup.ts')).addBackupCommand },
    { names: ['restore'], load: async () => (await import('./installation/restore.ts')).addRestoreCommand },
    {
      names: ['migrate-storage'],
      load: async () => (await import('./installation/migrate-storage.ts')).addMigrateStorageCommand,
    },
    { names: ['migrate'], load: async () => (await import('./installation/migrate.ts')).addMigrateCommand },
  ],
  'Help:': [
    {
      names: ['completion'],
      load: async () => (await import('./completion/completion.ts')).addCompletionCommand,
    },
  ],
}

/**
 * The commands, as the shell has them.
 * @param word the first of the command line: if it names a command, no other one is loaded
 */
export async function createProgram(word?: string): Promise<Command> {
  const program = new Command('entrepot')
    .description('One self-hosted file store behind every AI Files API.')
    .version(told(), '-V, --version', 'print the version, and the commit if it is known')
    .exitOverride()
    .configureHelp(helpLayout)
    .addHelpText(
      'after',
      examples([
        ['a server, which keeps everything in ./data', 'serve'],
        ['a file into it, with the key that the first start printed', 'file put report.pdf'],
        ['all about a command', 'file put --help'],
      ]),
    )
  await addCommands(program, word)
  program.commandsGroup('Help:').helpCommand('help [command]', 'all about a command')
  addStoreSettings(program, [
    'serve',
    'file',
    'login',
    'logout',
    'config',
    'completion',
    'id',
    'migrate-storage',
  ])
  return program
}

async function addCommands(program: Command, word: string | undefined): Promise<void> {
  const named = Object.values(groups)
    .flat()
    .find(({ names }) => names.some((name) => name === word))
  if (named) return (await named.load())(program)
  for (const [heading, families] of Object.entries(groups)) {
    program.commandsGroup(heading)
    for (const { load } of families) (await load())(program)
  }
}

function told(): string {
  const of = commit()
  return of === undefined ? version() : `${version()} (commit ${of})`
}

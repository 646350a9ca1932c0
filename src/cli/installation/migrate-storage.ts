import { type Command, Option } from 'commander'
import { showSize } from '../../config/size.ts'
import type { MovePlan, MoveReport } from '../../move/move-storage.ts'
import { TargetError } from '../../move/target-error.ts'
import { examples } from '../arguments.ts'
import { describe, Failure } from '../failure.ts'
import { print } from '../output.ts'
import {
  addSettings,
  addTargetSettings,
  configOf,
  namedForTarget,
  storeSettings,
  targetConfigOf,
} from '../settings.ts'
import { CopyBar } from './copy-bar.ts'
import { printDamaged } from './damaged.ts'

interface MoveOptions {
  readonly finish?: boolean
  readonly abandon?: boolean
}

export function addMigrateStorageCommand(program: Command): void {
  const command = program
    .command('migrate-storage')
    .description('move the installation to another database, bucket or data folder, while it is served')
    .addOption(
      new Option('--finish', 'shut the source for changes, copy what is left, and move').conflicts('abandon'),
    )
    .option('--abandon', 'let the source take changes again after an interrupted --finish')
    .addHelpText(
      'after',
      `
The flags without "to" say where the installation is, as for serve. The target
is what ENTREPOT_TO_… and --to-… say, and nothing else: without
ENTREPOT_TO_DATABASE_URL it is SQLite, without --to-s3-bucket it is the disk.
${examples([
  ['copy while it is served, as often as you like', 'migrate-storage --to-s3-bucket files'],
  ['the rest, and move', 'migrate-storage --to-s3-bucket files --finish'],
])}`,
    )
    .action((options: MoveOptions, self: Command) =>
      move(options, self).catch((error) => {
        if (!(error instanceof TargetError)) throw error
        throw new Failure(namedForTarget(self, describe(error.cause, 'command')))
      }),
    )
  addSettings(command, storeSettings)
  addTargetSettings(command)
}

async function move({ finish = false, abandon = false }: MoveOptions, command: Command): Promise<void> {
  const source = configOf(command)
  const target = targetConfigOf(command, source)
  const { abandonMove, moveStorage, planMove } = await import('../../move/move-storage.ts')
  const plan = await planMove(source, target)
  if (abandon) {
    await abandonMove(plan)
    print('The move is given up. The source takes changes again.')
    return
  }
  if (plan.rows) print(`Rows   ${plan.rows.from}  ->  ${plan.rows.to}`)
  if (plan.bytes) print(`Bytes  ${plan.bytes.from}  ->  ${plan.bytes.to}`)
  using bar = new CopyBar(print)
  const report = await moveStorage(plan, finish, bar)
  bar[Symbol.dispose]()
  printReport(plan, report)
  if (report.damaged.length > 0) process.exitCode = 1
}

function printReport(plan: MovePlan, report: MoveReport): void {
  const { finished, copied, copiedBytes, present, damaged, rows } = report
  if (plan.bytes) print(`Copied ${copied} blobs, ${showSize(copiedBytes)}; ${present} were there already.`)
  for (const [table, copied] of Object.entries(rows ?? {})) print(`Copied ${copied.rows} rows of ${table}.`)
  if (damaged.length > 0) {
    print(
      '\nFiles whose bytes are not as recorded. Restore them from a backup, or delete the files; then run this again:',
    )
    for (const file of damaged) printDamaged(file)
  } else
    print(
      finished
        ? '\nThe installation is moved. Stop its servers, which take no changes any more, and start them on the target.'
        : '\nRun this again until little is copied, then with --finish.',
    )
}

import type { Command } from 'commander'
import type { MovePlan, MoveReport } from '../move/move-storage.ts'
import { TargetError } from '../move/target-error.ts'
import { printDamaged } from './damaged.ts'
import { describe, Failure } from './failure.ts'
import { print } from './output.ts'
import {
  addSettings,
  addTargetSettings,
  configOf,
  namedForTarget,
  storeSettings,
  targetConfigOf,
} from './settings.ts'

interface MoveOptions {
  readonly finish?: boolean
  readonly abandon?: boolean
}

const PROGRESS_EVERY_MS = 5000

export function addMigrateStorageCommand(program: Command): void {
  const command = program
    .command('migrate-storage')
    .description('move the installation to another database, bucket or data folder, while it is served')
    .option('--finish', 'shut the source for changes, copy what is left, and move')
    .option('--abandon', 'let the source take changes again after an interrupted --finish')
    .addHelpText(
      'after',
      `
The flags without "to" say where the installation is, as for serve. The target is what ENTREPOT_TO_… and --to-… say, and
nothing else: without ENTREPOT_TO_DATABASE_URL it is SQLite, without --to-s3-bucket it is the disk.`,
    )
    .action(move)
  addSettings(command, storeSettings)
  addTargetSettings(command)
}

async function move(options: MoveOptions, command: Command): Promise<void> {
  try {
    await moveAsTold(options, command)
  } catch (error) {
    if (!(error instanceof TargetError)) throw error
    throw new Failure(namedForTarget(command, describe(error.cause, 'command')))
  }
}

async function moveAsTold({ finish = false, abandon = false }: MoveOptions, command: Command): Promise<void> {
  const source = configOf(command)
  const target = targetConfigOf(command, source)
  const { abandonMove, moveStorage, planMove } = await import('../move/move-storage.ts')
  const plan = await planMove(source, target)
  if (abandon) {
    await abandonMove(source, target)
    print('The move is given up. The source takes changes again.')
    return
  }
  printPlan(plan)
  const report = await moveStorage(source, target, finish, tellProgress())
  printReport(plan, report)
  if (report.damaged.length > 0) process.exitCode = 1
}

function printPlan({ rows, bytes }: MovePlan): void {
  if (rows) print(`Rows   ${rows.from}  ->  ${rows.to}`)
  if (bytes) print(`Bytes  ${bytes.from}  ->  ${bytes.to}`)
}

/** A line now and then. */
function tellProgress(): (sizeBytes: number) => void {
  let [blobs, bytes, told] = [0, 0, performance.now()]
  return (sizeBytes) => {
    blobs++
    bytes += sizeBytes
    if (performance.now() - told < PROGRESS_EVERY_MS) return
    told = performance.now()
    print(`${blobs} blobs, ${bytes} bytes so far`)
  }
}

function printReport(
  plan: MovePlan,
  { finished, copied, copiedBytes, present, damaged, rows }: MoveReport,
): void {
  if (plan.bytes) print(`Copied ${copied} blobs, ${copiedBytes} bytes; ${present} were there already.`)
  for (const [table, count] of Object.entries(rows ?? {})) print(`Copied ${count} rows of ${table}.`)
  if (damaged.length > 0) {
    print(
      '\nFiles whose bytes are not as recorded. Restore them from a backup, or delete the files; then run this again:',
    )
    for (const file of damaged) printDamaged(file)
  } else if (finished) {
    print(
      '\nThe installation is moved. Stop its servers, which take no changes any more, and start them on the target.',
    )
  } else {
    print('\nRun this again until little is copied, then with --finish.')
  }
}

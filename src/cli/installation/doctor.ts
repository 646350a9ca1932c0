import { type Command, InvalidArgumentError } from 'commander'
import { clockOf } from '../../app/emulation.ts'
import { ConfigError } from '../../config/setting.ts'
import type { UpkeepServices } from '../../core/services.ts'
import { type Reconciliation, reconcile } from '../../core/upkeep/reconcile.ts'
import type { DamagedFile } from '../../core/upkeep/referenced-blobs.ts'
import { type Verification, verifyBytes, type WrongBytes } from '../../core/upkeep/verify-bytes.ts'
import { examples, parseByteBound } from '../arguments.ts'
import { print, printJson } from '../output.ts'
import { ProgressBar } from '../progress-bar.ts'
import { configOf } from '../settings.ts'
import { named, printDamaged } from './damaged.ts'
import { paceReaders } from './pace.ts'
import { withStores } from './stores.ts'

interface DoctorOptions {
  readonly repair?: boolean
  readonly verify?: boolean
  readonly maxBytesPerSecond: number
  readonly json?: boolean
}

interface Report extends Omit<Reconciliation, 'damaged'> {
  readonly damaged: readonly (DamagedFile | WrongBytes)[]
  /** What was read, if it was asked for. */
  readonly verified?: Omit<Verification, 'damaged'>
}

/** Less than half of what a hard disk reads, so that a server beside it has the rest. */
const DEFAULT_BYTES_PER_SECOND = 64 * 1024 * 1024

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('compare database and bytes, also while the server runs; exits with 1 if they disagree')
    .option(
      '--repair',
      'remove bytes that belong to no file and free what dead servers reserved; never anything else',
    )
    .option('--verify', 'also read the bytes of every file, and compare them with the SHA-256 of its row')
    .option(
      '--max-bytes-per-second <size>',
      'what --verify reads at most, like 200MB, or none for no bound',
      parseRate,
      DEFAULT_BYTES_PER_SECOND,
    )
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples([
        ['compare database and bytes', 'doctor'],
        ['also read every byte, at 200 MB a second', 'doctor --verify --max-bytes-per-second 200MB'],
        ['remove what belongs to no file', 'doctor --repair'],
      ]),
    )
    .action(examine)
}

function parseRate(text: string): number {
  const bytesPerSecond = parseByteBound(text)
  if (bytesPerSecond === 0) throw new InvalidArgumentError('It must be above 0.')
  return bytesPerSecond
}

function examine(options: DoctorOptions, command: Command): Promise<void> {
  const { repair = false, verify = false, maxBytesPerSecond, json } = options
  if (!verify && command.getOptionValueSource('maxBytesPerSecond') === 'cli')
    throw new ConfigError(['--max-bytes-per-second needs --verify.'])
  return withStores(command, async (stores) => {
    const services = { ...stores, clock: await clockOf(stores.metadata) }
    if (repair) {
      const { endDeadLeases } = await import('../../app/open-stores.ts')
      await endDeadLeases(configOf(command), services)
    }
    const compared = await compare(services, repair)
    const found = verify ? await withBytesRead(services, compared, maxBytesPerSecond) : compared
    if (json) printJson({ ...found, damaged: found.damaged.map(named) })
    else printReport(found)
    if (!json && repair && (await stores.metadata.clockTrust()).waitMs > 0)
      print('\nThe clock of this machine is doubted: nothing was removed because its time is over.')
    if (found.damaged.length > 0 || found.orphans.length > found.removed) process.exitCode = 1
  })
}

/** Tells on a terminal how far comparing has come. */
async function compare(services: UpkeepServices, repair: boolean): Promise<Reconciliation> {
  let bar: ProgressBar | undefined
  try {
    return await reconcile(services, repair, {
      begins(label, total) {
        bar?.[Symbol.dispose]()
        bar = new ProgressBar(total, { label, show: (amount) => `${Math.round(amount)}` })
      },
      advances: () => bar?.add(1),
    })
  } finally {
    bar?.[Symbol.dispose]()
  }
}

/** Tells on a terminal how far reading has come. What it finds damaged includes what comparing found. */
async function withBytesRead(
  services: UpkeepServices,
  compared: Reconciliation,
  maxBytesPerSecond: number,
): Promise<Report> {
  const pace = paceReaders(maxBytesPerSecond)
  using progress = new ProgressBar(compared.bytes, { label: 'bytes of files' })
  const { damaged, ...verified } = await verifyBytes(services, (bytes) => {
    progress.add(bytes)
    return pace(bytes)
  })
  // Reading finds what comparing found, but for segments that are not there.
  const unread = compared.damaged.filter(({ fileId }) => !damaged.some((wrong) => wrong.fileId === fileId))
  return { ...compared, damaged: [...damaged, ...unread], verified }
}

function printReport(report: Report): void {
  const { transient, orphans, damaged, removed, receiving, verified } = report
  print(`Files with bytes  ${report.files}`)
  print(`Blobs             ${report.blobs}`)
  if (transient > 0) print(`  ${transient} of files that have ended, or of uploads under way`)
  print(`Orphans           ${orphans.length}${removed > 0 ? ` (${removed} removed)` : ''}`)
  if (verified) print(`Files read        ${verified.files}, ${verified.bytes} bytes`)
  print(`Damaged files     ${new Set(damaged.map(({ fileId }) => fileId)).size}`)
  print(`Being received    ${receiving.reduce((sum, { blobs }) => sum + blobs, 0)}`)
  for (const { node, isAlive, blobs } of receiving)
    if (node !== null) print(`  ${blobs} by server ${node}${isAlive ? '' : ', which is no more'}`)
  if (orphans.length > 0) {
    print('\nOrphans, bytes that belong to no file:')
    for (const key of orphans) print(`  ${key}`)
    if (removed === 0) print('Nothing was removed; `entrepot doctor --repair` removes them.')
  }
  if (damaged.length > 0) {
    print('\nDamaged files, whose bytes are not as recorded; restore them from a backup of the blobs:')
    for (const file of damaged) {
      printDamaged(file)
      if ('expected' in file) print(`    ${differenceOf(file)}`)
    }
  }
  if (orphans.length === removed && damaged.length === 0) print('\nDatabase and bytes agree.')
}

/** What the bytes of a file should be, and what they are. */
function differenceOf({ expected, found }: WrongBytes): string {
  const wanted = `expected ${expected.sizeBytes} bytes with SHA-256 ${expected.sha256}`
  return found === null ? wanted : `${wanted}, found ${found.sizeBytes} bytes with SHA-256 ${found.sha256}`
}

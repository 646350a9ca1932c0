import type { Command } from 'commander'
import type { RestoreReport } from '../../move/restore.ts'
import { examples, parseFolder } from '../arguments.ts'
import { print, printJson } from '../output.ts'
import { configOf } from '../settings.ts'
import { atBackup } from './backup-failure.ts'
import { CopyBar } from './copy-bar.ts'
import { named, printDamaged } from './damaged.ts'

interface RestoreOptions {
  readonly acceptDamaged?: true
  readonly json?: true
}

export function addRestoreCommand(program: Command): void {
  program
    .command('restore')
    .description(
      'make an installation of a backup, of any kind, where there is none; exits with 1 if it made none',
    )
    .argument('<folder>', 'what `entrepot backup` has made; nothing in it is changed', parseFolder)
    .option(
      '--accept-damaged',
      'restore also if bytes of files are missing or changed; those files have none then',
    )
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples([
        ['into a new data folder', 'restore /backups/2026-05-01 --data-dir /var/lib/entrepot'],
        [
          'into a bucket, and the database that ENTREPOT_DATABASE_URL names',
          'restore /backups/2026-05-01 --s3-bucket files',
        ],
      ]),
    )
    .action(restore)
}

async function restore(folder: string, options: RestoreOptions, command: Command): Promise<void> {
  const target = configOf(command)
  // Loaded only now, since it brings the whole server with it.
  const { restoreBackup } = await import('../../move/restore.ts')
  using bar = new CopyBar()
  const given = { folder, target, acceptsDamaged: options.acceptDamaged ?? false }
  const report = await atBackup(folder, () => restoreBackup(given, bar))
  bar[Symbol.dispose]()
  if (report.rows === undefined) process.exitCode = 1
  if (options.json)
    return printJson({ ...report, finished: report.rows !== undefined, damaged: report.damaged.map(named) })
  printReport(report)
}

function printReport({ manifest, copied, present, rows, damaged }: RestoreReport): void {
  print(`Copied ${copied} blobs; ${present} were there already.`)
  if (rows) print(`Copied ${rows.files?.rows ?? 0} files, and all other rows.`)
  if (damaged.length > 0) {
    print('\nFiles whose bytes the backup has not as recorded:')
    for (const file of damaged) printDamaged(file)
  }
  print(
    rows
      ? `\nThe installation is as it was at ${manifest.madeAt}. Compare it with its bytes (entrepot doctor), then start a server on it.`
      : '\nNothing is restored yet. Restore this backup without those bytes (--accept-damaged), or another one to another place.',
  )
}

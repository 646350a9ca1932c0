import type { Command } from 'commander'
import { showSize } from '../../config/size.ts'
import type { BackupManifest } from '../../move/backup-folder.ts'
import { examples, parseFolder } from '../arguments.ts'
import { print, printJson } from '../output.ts'
import { configOf } from '../settings.ts'
import { atBackup } from './backup-failure.ts'
import { CopyBar } from './copy-bar.ts'
import { named, printDamaged } from './damaged.ts'

export function addBackupCommand(program: Command): void {
  program
    .command('backup')
    .description(
      'copy the installation as it is at one moment into a folder, also while servers run; exits with 1 if bytes of files are not as recorded',
    )
    .argument('<folder>', 'empty or new; or that of an interrupted backup, which is made anew', parseFolder)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
The folder is a data folder, SQLite and blobs, wherever the installation has its
rows and bytes. It holds the secrets that links are signed with and the hashes
of all keys: keep it as safe as the installation.
${examples([
  ['a backup of today', 'backup /backups/2026-05-01'],
  ['of an installation elsewhere', 'backup /backups/2026-05-01 --data-dir /var/lib/entrepot'],
])}`,
    )
    .action(backup)
}

async function backup(folder: string, { json }: { readonly json?: true }, command: Command): Promise<void> {
  const config = configOf(command)
  // Loaded only now, since it brings the whole server with it.
  const { makeBackup } = await import('../../move/backup.ts')
  using bar = new CopyBar()
  const manifest = await atBackup(folder, () => makeBackup(config, folder, bar))
  bar[Symbol.dispose]()
  if (manifest.damaged.length > 0) process.exitCode = 1
  if (json) return printJson({ ...manifest, damaged: manifest.damaged.map(named) })
  printReport(folder, manifest)
}

function printReport(folder: string, { madeAt, tables, blobs, bytesOfBlobs, damaged }: BackupManifest): void {
  print(
    `Rows   ${sumOf(Object.values(tables).map(({ rows }) => rows))}, of them ${tables.files?.rows ?? 0} files`,
  )
  print(`Blobs  ${blobs}, ${showSize(bytesOfBlobs)}`)
  if (damaged.length > 0) {
    print('\nFiles whose bytes are not as recorded, and are not in the backup:')
    for (const file of damaged) printDamaged(file)
  }
  print(`\n${folder} holds the installation as it was at ${madeAt}.`)
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0)
}

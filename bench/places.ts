import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Some bodies at once, with what their servers keep until they are dropped. */
const TMPFS_BYTES = 4 * 1024 * 1024 * 1024
const TMPFS = '/dev/shm'

/** Temporary folders, one per kind of place. */
export class Places {
  readonly #folders: Readonly<Record<'disk' | 'tmpfs', string>>
  /** Whether bodies go to memory where that is asked for. */
  readonly hasTmpfs: boolean

  private constructor(disk: string, tmpfs: string) {
    this.#folders = { disk, tmpfs }
    this.hasTmpfs = disk !== tmpfs
  }

  static async open(): Promise<Places> {
    const disk = await mkdtemp(join(tmpdir(), 'entrepot-bench-'))
    const room = await statfs(TMPFS).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => 0,
    )
    return new Places(disk, room > TMPFS_BYTES ? await mkdtemp(join(TMPFS, 'entrepot-bench-')) : disk)
  }

  /** A new folder. */
  async folder(where: 'disk' | 'tmpfs', name: string): Promise<string> {
    return mkdtemp(join(this.#folders[where], `${name}-`))
  }

  /** What one candidate left for the disk to do must not be done in the next one's time. */
  settle(): void {
    execFileSync('sync', ['-f', this.#folders.disk])
  }

  async remove(): Promise<void> {
    for (const folder of Object.values(this.#folders)) await rm(folder, { recursive: true, force: true })
  }
}

/** Removes bodies from that size on, but no database, from the folder of a server that will not be asked for them again. */
export async function dropLargeFiles(folder: string, fromBytes: number): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || entry.name.startsWith('entrepot.db')) continue
    const { size } = await stat(path).catch(() => ({ size: 0 }))
    if (size >= fromBytes) await rm(path, { force: true })
  }
}

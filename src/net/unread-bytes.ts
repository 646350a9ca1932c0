import { readlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** Of Linux: a line per socket, with how much it has sent that the peer has not taken, and its inode. */
const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6']
const QUEUES_COLUMN = 4
const INODE_COLUMN = 9

/**
 * Bytes that were handed to the system and that their readers have not taken, by the descriptor of the connection. They
 * can be megabytes, which take a slow reader minutes. Empty where the system does not tell: what it took then counts as read.
 */
export async function unreadBytes(descriptors: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const inodes = new Map(descriptors.map((descriptor) => [inodeOf(descriptor), descriptor]))
  const unread = new Map<number, number>()
  for (const table of TABLES) {
    const text = await readFile(table, 'latin1').catch(() => '')
    for (const line of text.split('\n')) {
      const columns = line.trim().split(/ +/)
      const descriptor = inodes.get(columns[INODE_COLUMN])
      // `tx_queue:rx_queue`, in hex.
      if (descriptor !== undefined) unread.set(descriptor, Number.parseInt(columns[QUEUES_COLUMN] ?? '', 16))
    }
  }
  return unread
}

function inodeOf(descriptor: number): string | undefined {
  try {
    return /\d+/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[0]
  } catch {
    return undefined
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { type PostgresServer, query } from '../postgres.ts'

/** Longer than a process that was just started takes to be among those that the server knows of. */
const BIRTH_MS = 200

/** Which of a server's processes stand still. Their sockets stay open, so that nobody is told: it is as if the network hung. */
export class FrozenPostgres {
  readonly #pids: number[] = []

  private constructor(pids: readonly number[]) {
    this.#stop(pids)
  }

  /** All of them, the one that takes connections first: no other is started while the rest are looked for. */
  static async whole(server: PostgresServer): Promise<FrozenPostgres> {
    const client = new Client(server.urlOf('postgres'))
    await client.connect()
    try {
      const { rows } = await client.query("select pg_read_file('postmaster.pid') as file")
      const frozen = new FrozenPostgres([Number.parseInt(rows[0].file, 10)])
      try {
        await sleep(BIRTH_MS)
        const others = await client.query('select pid from pg_stat_activity where pid <> pg_backend_pid()')
        frozen.#stop(others.rows.map(({ pid }) => pid))
        return frozen
      } catch (error) {
        frozen.thaw()
        throw error
      }
    } finally {
      await client.end()
    }
  }

  /** Every second session of those that serve a database. */
  static async everySecondSession(url: string): Promise<FrozenPostgres> {
    const sessions = await query<{ pid: number }>(
      url,
      "select pid from pg_stat_activity where application_name = 'entrepot' and datname = current_database()",
    )
    return new FrozenPostgres(sessions.filter((_session, i) => i % 2 === 0).map(({ pid }) => pid))
  }

  #stop(pids: readonly number[]): void {
    this.#pids.push(...pids)
    signal(pids, 'SIGSTOP')
  }

  thaw(): void {
    signal(this.#pids, 'SIGCONT')
  }
}

function signal(pids: readonly number[], name: 'SIGSTOP' | 'SIGCONT'): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch (error) {
      // A session that was seen may be over by now.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

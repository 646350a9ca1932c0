import type { PostgresServer } from '../postgres.ts'
import { query } from '../postgres.ts'

/** Which of a server's processes stand still. Their sockets stay open, so that nobody is told: it is as if the network hung. */
export class FrozenPostgres {
  readonly #pids: readonly number[]

  private constructor(pids: readonly number[]) {
    this.#pids = pids
  }

  /** All of them, the one that takes connections included. */
  static async whole(server: PostgresServer): Promise<FrozenPostgres> {
    const url = server.urlOf('postgres')
    const [row] = await query<{ file: string }>(url, "select pg_read_file('postmaster.pid') as file")
    const backends = await query<{ pid: number }>(url, 'select pid from pg_stat_activity')
    return FrozenPostgres.#stop([Number.parseInt(row?.file ?? '', 10), ...backends.map(({ pid }) => pid)])
  }

  /** Every second session of those that serve a database. */
  static async everySecondSession(url: string): Promise<FrozenPostgres> {
    const sessions = await query<{ pid: number }>(
      url,
      "select pid from pg_stat_activity where application_name = 'entrepot' and datname = current_database()",
    )
    return FrozenPostgres.#stop(sessions.filter((_session, i) => i % 2 === 0).map(({ pid }) => pid))
  }

  static #stop(pids: readonly number[]): FrozenPostgres {
    const frozen = new FrozenPostgres(pids)
    frozen.#signal('SIGSTOP')
    return frozen
  }

  thaw(): void {
    this.#signal('SIGCONT')
  }

  #signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    for (const pid of this.#pids) {
      try {
        process.kill(pid, signal)
      } catch (error) {
        // The session that asked is over by now.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
  }
}

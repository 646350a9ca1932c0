import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { SqlValue } from '../sql/tables.ts'
import type { Ballast } from './ballast.ts'
import { type SqliteFailure, sqliteFailure } from './errors.ts'
import { type RoomUse, roomUseOf } from './room.ts'

/** A statement as the writer learns it; from then on its id stands for it. */
export interface LearntStatement {
  readonly id: number
  readonly sql: string
  /** Rows that it must change for its commit to stand. */
  readonly expects: number | undefined
  readonly room: RoomUse
}

/** The steps of one commit. */
export type SentCommit = readonly (readonly [id: number, values: readonly SqlValue[]])[]

/** A commit, by its place in the group, that was not made. */
export type FailedCommit = Pick<SqliteFailure, 'code' | 'message'> & {
  readonly index: number
  /** The place in the commit of the statement that failed, unless the whole group did. */
  readonly step?: number
}

export interface GroupOutcome {
  readonly failures: readonly FailedCommit[]
  /** Why nothing more may be written. */
  readonly fatal: string | undefined
}

/** The ballast, as far as commits need it. */
export type Room = Pick<Ballast, 'sizeBytes' | 'isHeld' | 'keep' | 'release' | 'freeBytes'>

/** Pages of the log that build up before they are moved into the database; some 16 MiB. */
const CHECKPOINT_AFTER_STEPS = 1000
/** Of the room of the ballast. On a disk that is full meanwhile, the log is moved into that room, which bytes of files would exceed. */
const CHECKPOINT_AFTER_SHARE = 0.5

/** Makes many commits with one flush to disk. Owns the writing connection. */
export class GroupWriter {
  readonly #db: DatabaseSync
  readonly #ballast: Room
  readonly #statements = new Map<number, LearntStatement & { readonly run: StatementSync }>()
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  #stepsSinceCheckpoint = 0
  /** Of files. */
  #bytesSinceCheckpoint = 0

  constructor(db: DatabaseSync, ballast: Room) {
    this.#db = db
    this.#ballast = ballast
    this.#begin = db.prepare('BEGIN IMMEDIATE')
    this.#commit = db.prepare('COMMIT')
  }

  learn(statements: readonly LearntStatement[]): void {
    for (const statement of statements) {
      this.#statements.set(statement.id, { ...statement, run: this.#db.prepare(statement.sql) })
    }
  }

  /** Makes the commits in order. One that fails is undone alone; what the disk refuses is undone as a group. */
  run(commits: readonly SentCommit[]): GroupOutcome {
    if (this.#ballast.isHeld || this.#ballast.keep()) {
      const outcome = this.#attempt(commits)
      if (!isFull(outcome)) return outcome
    }
    // On a full disk a small commit can still succeed, above all one that makes room.
    const failures: FailedCommit[] = []
    for (const [index, commit] of commits.entries()) {
      const { failures: own, fatal } = this.#onFullDisk(commit)
      failures.push(...own.map((failure) => ({ ...failure, index })))
      if (fatal === undefined) continue
      const rest = commits.keys().drop(index + 1)
      failures.push(...rest.map((later) => ({ index: later, code: 'unavailable', message: fatal }) as const))
      return { failures, fatal }
    }
    return { failures, fatal: undefined }
  }

  /** With the ballast's room if the commit may have it. */
  #onFullDisk(commit: SentCommit): GroupOutcome {
    const use = roomUseOf(commit.map(([id]) => this.#statement(id).room))
    if (this.#ballast.isHeld) {
      const outcome = this.#attempt([commit])
      // A failed write is fatal unless it succeeds with more room.
      const isWorthRoom = use !== 'grows' || outcome.fatal !== undefined
      if (!isFull(outcome) || !isWorthRoom) return outcome
      this.#ballast.release()
    } else if (!this.#mayTry(use)) return noRoom
    const { failures, fatal } = this.#attempt([commit])
    if (fatal === undefined) return { failures, fatal }
    return { failures: [{ index: 0, code: 'unavailable', message: fatal }], fatal }
  }

  /** What is left is the ballast's room, or less. */
  #mayTry(use: RoomUse): boolean {
    if (use === 'alters') return this.#ballast.freeBytes() >= this.#ballast.sizeBytes / 2
    return use === 'frees'
  }

  #statement(id: number) {
    const statement = this.#statements.get(id)
    if (statement === undefined) throw new TypeError(`Statement ${id} was not learnt`)
    return statement
  }

  /**
   * Most groups have no failing commit, or one that fails at its first step; they are spared the savepoints, for which
   * SQLite copies every page that a commit changes.
   */
  #attempt(commits: readonly SentCommit[]): GroupOutcome {
    try {
      this.#begin.run()
      let failures = this.#apply(commits, false)
      if (failures === undefined) {
        this.#db.exec('ROLLBACK; BEGIN IMMEDIATE')
        failures = this.#apply(commits, true)
      }
      this.#commit.run()
      return { failures: failures ?? [], fatal: undefined }
    } catch (error) {
      return this.#undo(commits, error)
    }
  }

  /** @returns undefined if a commit failed half-way and there are no savepoints */
  #apply(commits: readonly SentCommit[], withSavepoints: boolean): FailedCommit[] | undefined {
    const failures: FailedCommit[] = []
    for (const [index, commit] of commits.entries()) {
      if (withSavepoints) this.#db.exec('SAVEPOINT one')
      const failure = this.#runSteps(commit)
      if (failure !== undefined) {
        if (withSavepoints) this.#db.exec('ROLLBACK TO one')
        else if (failure.step > 0) return undefined
        failures.push({ index, ...failure })
      }
      if (withSavepoints) this.#db.exec('RELEASE one')
    }
    return failures
  }

  #undo(commits: readonly SentCommit[], error: unknown): GroupOutcome {
    let { code, message, fatal } = sqliteFailure(error)
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
    } catch {
      code = 'unavailable'
      fatal = true
    }
    const failures = commits.map((_, index) => ({ index, code, message }))
    return { failures, fatal: fatal ? message : undefined }
  }

  /** A step that fails changes nothing by itself. */
  #runSteps(commit: SentCommit): (Omit<FailedCommit, 'index'> & { readonly step: number }) | undefined {
    for (let step = 0; step < commit.length; step++) {
      const [id, values] = commit[step] as SentCommit[number]
      const { run, expects } = this.#statement(id)
      this.#stepsSinceCheckpoint++
      for (const value of values)
        if (value instanceof Uint8Array) this.#bytesSinceCheckpoint += value.byteLength
      try {
        const { changes } = run.run(...values)
        if (expects !== undefined && changes !== expects)
          return { step, code: 'conflict', message: 'A guard did not hold' }
      } catch (error) {
        const { local, code, message } = sqliteFailure(error)
        if (local && this.#db.isTransaction) return { step, code, message }
        throw error
      }
    }
    return undefined
  }

  /**
   * Moves the log into the database once enough has built up, or at once while the disk is full: the next commit then
   * overwrites the log instead of making it longer. To be called when nobody waits for an answer.
   * @returns why nothing more may be written, if that is so
   */
  checkpoint(): string | undefined {
    const isDue =
      this.#stepsSinceCheckpoint >= CHECKPOINT_AFTER_STEPS ||
      this.#bytesSinceCheckpoint > this.#ballast.sizeBytes * CHECKPOINT_AFTER_SHARE
    if (!isDue && this.#ballast.isHeld) return undefined
    this.#stepsSinceCheckpoint = 0
    this.#bytesSinceCheckpoint = 0
    try {
      this.#moveLog('PASSIVE')
    } catch (error) {
      const { fatal, message } = sqliteFailure(error)
      return fatal ? message : undefined
    }
    return undefined
  }

  /** Moves the log into the database and closes it. On a full disk the log may stay: the next start replays it. */
  close(): void {
    try {
      this.#moveLog('TRUNCATE')
    } catch (error) {
      const { code, fatal } = sqliteFailure(error)
      if (code !== 'full' || fatal) throw error
    }
    this.#db.close()
    this.#ballast.keep()
  }

  #moveLog(mode: 'PASSIVE' | 'TRUNCATE'): void {
    try {
      this.#db.exec(`PRAGMA wal_checkpoint(${mode})`)
    } catch (error) {
      if (sqliteFailure(error).code !== 'full' || !this.#ballast.release()) throw error
      this.#moveLog(mode)
    }
  }
}

/** Of a group all or none. */
function isFull({ failures }: GroupOutcome): boolean {
  return failures[0]?.code === 'full'
}

const noRoom: GroupOutcome = {
  failures: [{ index: 0, code: 'full', message: 'What room is left is for commits that make some' }],
  fatal: undefined,
}

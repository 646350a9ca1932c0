import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { SqlValue } from '../sql/tables.ts'
import type { Ballast } from './ballast.ts'
import { type SqliteFailure, sqliteFailure } from './errors.ts'
import { type RoomUse, roomUseOf } from './room.ts'

/** A statement as the writer learns it; from then on it is a number, its index in the order of learning. */
export interface LearntStatement {
  readonly sql: string
  readonly parameterCount: number
  /** Rows that it must change for its commit to stand. */
  readonly expects: number | undefined
  readonly room: RoomUse
}

/** The steps of one commit in one flat list: a statement's number, its values, the next number, and so on. */
export type FlatCommit = readonly SqlValue[]

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

type FailedStep = Required<Omit<FailedCommit, 'index'>>

interface Prepared extends LearntStatement {
  readonly run: StatementSync
}

/** Pages of the log that build up before they are moved into the database; some 16 MiB. */
const CHECKPOINT_AFTER_STEPS = 1000

/** Makes many commits with one flush to disk. Owns the writing connection. */
export class GroupWriter {
  readonly #db: DatabaseSync
  readonly #ballast: Room
  readonly #statements: Prepared[] = []
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  readonly #rollback: StatementSync
  readonly #savepoint: StatementSync
  readonly #rollbackTo: StatementSync
  readonly #release: StatementSync
  #stepsSinceCheckpoint = 0

  constructor(db: DatabaseSync, ballast: Room) {
    this.#db = db
    this.#ballast = ballast
    this.#begin = db.prepare('BEGIN IMMEDIATE')
    this.#commit = db.prepare('COMMIT')
    this.#rollback = db.prepare('ROLLBACK')
    this.#savepoint = db.prepare('SAVEPOINT one')
    this.#rollbackTo = db.prepare('ROLLBACK TO one')
    this.#release = db.prepare('RELEASE one')
  }

  learn(statements: readonly LearntStatement[]): void {
    for (const statement of statements) {
      this.#statements.push({ ...statement, run: this.#db.prepare(statement.sql) })
    }
  }

  /** Makes the commits in order. One that fails is undone alone; what the disk refuses is undone as a group. */
  run(commits: readonly FlatCommit[]): GroupOutcome {
    if (!this.#ballast.isHeld && !this.#ballast.keep()) return this.#oneByOne(commits)
    const outcome = this.#attempt(commits)
    // On a full disk a small commit can still succeed, above all one that makes room.
    return isFull(outcome) ? this.#oneByOne(commits) : outcome
  }

  #oneByOne(commits: readonly FlatCommit[]): GroupOutcome {
    const failures: FailedCommit[] = []
    let fatal: string | undefined
    for (const [index, commit] of commits.entries()) {
      const outcome = fatal === undefined ? this.#alone(commit) : allFailed([commit], fatal)
      fatal ??= outcome.fatal
      for (const failure of outcome.failures) failures.push({ ...failure, index })
    }
    return { failures, fatal }
  }

  /** On a full disk: with the ballast's room if the commit may have it. */
  #alone(commit: FlatCommit): GroupOutcome {
    const use = this.#roomUseOf(commit)
    if (!this.#ballast.isHeld) return this.#mayTry(use) ? this.#lastAttempt(commit) : noRoom
    const outcome = this.#attempt([commit])
    // A failed write is fatal unless it succeeds with more room.
    const isWorthRoom = use !== 'grows' || outcome.fatal !== undefined
    if (!isFull(outcome) || !isWorthRoom) return outcome
    this.#ballast.release()
    return this.#lastAttempt(commit)
  }

  #lastAttempt(commit: FlatCommit): GroupOutcome {
    const outcome = this.#attempt([commit])
    return outcome.fatal === undefined ? outcome : allFailed([commit], outcome.fatal)
  }

  /** What is left is the ballast's room, or less. */
  #mayTry(use: RoomUse): boolean {
    if (use === 'alters') return this.#ballast.freeBytes() >= this.#ballast.sizeBytes / 2
    return use === 'frees'
  }

  #roomUseOf(commit: FlatCommit): RoomUse {
    const uses: RoomUse[] = []
    for (let at = 0; at < commit.length; ) {
      const { room, parameterCount } = this.#statements[commit[at] as number] as Prepared
      uses.push(room)
      at += 1 + parameterCount
    }
    return roomUseOf(uses)
  }

  #attempt(commits: readonly FlatCommit[]): GroupOutcome {
    try {
      this.#begin.run()
      let failures = this.#applyBare(commits)
      if (failures === undefined) {
        this.#rollback.run()
        this.#begin.run()
        failures = this.#applyWithSavepoints(commits)
      }
      this.#commit.run()
      return { failures, fatal: undefined }
    } catch (error) {
      return this.#undo(commits, error)
    }
  }

  /**
   * Most groups have no failing commit, or one that fails at its first step; they are spared the savepoints, for which
   * SQLite copies every page that a commit changes.
   * @returns undefined if a commit failed half-way
   */
  #applyBare(commits: readonly FlatCommit[]): FailedCommit[] | undefined {
    const failures: FailedCommit[] = []
    for (const [index, commit] of commits.entries()) {
      const failure = this.#runSteps(commit)
      if (failure === undefined) continue
      if (failure.step > 0) return undefined
      failures.push({ index, ...failure })
    }
    return failures
  }

  #applyWithSavepoints(commits: readonly FlatCommit[]): FailedCommit[] {
    const failures: FailedCommit[] = []
    for (const [index, commit] of commits.entries()) {
      this.#savepoint.run()
      const failure = this.#runSteps(commit)
      if (failure !== undefined) {
        this.#rollbackTo.run()
        failures.push({ index, ...failure })
      }
      this.#release.run()
    }
    return failures
  }

  #undo(commits: readonly FlatCommit[], error: unknown): GroupOutcome {
    const { code, message, fatal } = sqliteFailure(error)
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
    } catch {
      return allFailed(commits, message)
    }
    const failures = commits.map((_, index) => ({ index, code, message }))
    return { failures, fatal: fatal ? message : undefined }
  }

  /** A step that fails changes nothing by itself. */
  #runSteps(commit: FlatCommit): FailedStep | undefined {
    let at = 0
    for (let step = 0; at < commit.length; step++) {
      const { run, expects, parameterCount } = this.#statements[commit[at] as number] as Prepared
      const values = commit.slice(at + 1, at + 1 + parameterCount)
      at += 1 + parameterCount
      this.#stepsSinceCheckpoint++
      try {
        const { changes } = run.run(...values)
        if (expects !== undefined && changes !== expects) return { step, ...guardFailed }
      } catch (error) {
        const failure = sqliteFailure(error)
        if (failure.local && this.#db.isTransaction) {
          return { step, code: failure.code, message: failure.message }
        }
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
    if (this.#stepsSinceCheckpoint < CHECKPOINT_AFTER_STEPS && this.#ballast.isHeld) return undefined
    this.#stepsSinceCheckpoint = 0
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

const guardFailed = { code: 'conflict', message: 'A guard did not hold' } as const

function allFailed(commits: readonly FlatCommit[], message: string): GroupOutcome {
  return { failures: commits.map((_, index) => ({ index, code: 'unavailable', message })), fatal: message }
}

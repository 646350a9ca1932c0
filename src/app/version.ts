import { readFileSync } from 'node:fs'
import { headOf } from './git-head.ts'

/** The repository or the package: this file is two folders below it, in `src/` as in `dist/`. */
const ROOT = new URL('../../', import.meta.url)

/** Written by `npm run build`. */
const BUILT_COMMIT = new URL('../commit.txt', import.meta.url)

/** Enough to tell the commits of a repository apart, also once it is large. */
const DIGITS = 12

interface Running {
  readonly version: string
  readonly commit: string | undefined
}

let running: Running | undefined

/** As in `package.json`: `0.1.0`. */
export function version(): string {
  return whatRuns().version
}

/** The first 12 digits of the commit that runs; undefined where neither a build nor a checkout tells it. */
export function commit(): string | undefined {
  return whatRuns().commit
}

function whatRuns(): Running {
  running ??= {
    version: JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')).version,
    commit: (builtCommit() ?? headOf(ROOT))?.slice(0, DIGITS),
  }
  return running
}

function builtCommit(): string | undefined {
  try {
    return readFileSync(BUILT_COMMIT, 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

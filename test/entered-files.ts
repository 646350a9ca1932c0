import { type Profiler, Session } from 'node:inspector/promises'

const SOURCES = new URL('../src/', import.meta.url).href
/** Enough for everything lazy to be made, and for what happens only at first to have happened. */
const WARM_REQUESTS = 2
/** A job that runs during one request does not run during each. */
const MEASURED_REQUESTS = 4

/** By path below `src`: the functions that were entered there. */
export type EnteredFiles = ReadonlyMap<string, readonly string[]>

/** The files whose functions this thread enters each time that `send` runs; `prepare` runs before it and is not counted. */
export async function filesEntered<T>(
  prepare: () => Promise<T>,
  send: (prepared: T) => Promise<unknown>,
): Promise<EnteredFiles> {
  for (let round = 0; round < WARM_REQUESTS; round++) await send(await prepare())
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  try {
    let always: EnteredFiles | undefined
    for (let round = 0; round < MEASURED_REQUESTS; round++) {
      const prepared = await prepare()
      await session.post('Profiler.takePreciseCoverage')
      await send(prepared)
      const { result } = await session.post('Profiler.takePreciseCoverage')
      const now: EnteredFiles = new Map(result.filter(({ url }) => url.startsWith(SOURCES)).map(enteredIn))
      always = new Map([...now].filter(([path, names]) => names.length > 0 && (always?.has(path) ?? true)))
    }
    return always ?? new Map()
  } finally {
    await session.post('Profiler.stopPreciseCoverage')
    session.disconnect()
  }
}

function enteredIn({ url, functions }: Profiler.ScriptCoverage): [path: string, names: string[]] {
  const entered = functions.filter(({ ranges: [range] }) => range !== undefined && range.count > 0)
  return [url.slice(SOURCES.length), entered.map(({ functionName }) => functionName || '(anonymous)')]
}

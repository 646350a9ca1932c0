import { setTimeout as sleep } from 'node:timers/promises'

/** Looks again and again. @returns whether it became so in time */
export async function until(
  patienceMs: number,
  isSo: () => boolean | Promise<boolean>,
  pauseMs = 10,
): Promise<boolean> {
  for (const end = performance.now() + patienceMs; !(await isSo()); await sleep(pauseMs))
    if (performance.now() > end) return false
  return true
}

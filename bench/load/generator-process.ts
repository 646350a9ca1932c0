// The process that makes all load, one order at a time, so that neither a server nor the reckoning shares its loop.
import { type Load, type LoadResult, runLoad } from './run-load.ts'
import type { Target, Workload } from './workload.ts'
import { type WorkloadName, workloads } from './workloads.ts'

export interface Order {
  readonly workload: WorkloadName
  readonly target: Target
  readonly load: Load
}

export type Reply = { readonly result: LoadResult } | { readonly error: string }

/** Kept between orders: what a workload prepared, such as files to download. */
const opened = new Map<string, Workload>()

process.on('message', async (order: Order) => {
  const reply: Reply = await carryOut(order).then(
    (result) => ({ result }),
    (error: Error) => ({ error: `${order.workload}: ${error.stack}` }),
  )
  process.send?.(reply)
})
// Ends with whoever started it.
process.on('disconnect', () => process.exit())

async function carryOut({ workload: name, target, load }: Order): Promise<LoadResult> {
  const key = JSON.stringify([name, target])
  const workload = opened.get(key) ?? (await workloads[name](target))
  opened.set(key, workload)
  return runLoad(workload, target, load)
}

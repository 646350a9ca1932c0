import * as dialects from './dialect-workloads.ts'
import * as ours from './our-workloads.ts'
import * as peers from './peer-workloads.ts'
import { tusCreate, tusUpload } from './tus-workloads.ts'
import type { OpenWorkload } from './workload.ts'

/** By the name that a candidate gives. */
export const workloads = { ...ours, ...dialects, ...peers, tusCreate, tusUpload } satisfies Record<
  string,
  OpenWorkload
>

export type WorkloadName = keyof typeof workloads

const MAX_RESERVE_BYTES = 1024 ** 3
const MAX_RESERVE_SHARE = 0.05

/** What uploads leave free of a disk of this size, unless the operator says otherwise: 5 %, at most 1 GiB. */
export function defaultReserveOf(diskBytes: number): number {
  return Math.min(MAX_RESERVE_BYTES, Math.floor(diskBytes * MAX_RESERVE_SHARE))
}

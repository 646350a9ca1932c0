/** What uploads leave free of a disk unless the operator says otherwise: this share of it, and not more than this. */
export const DEFAULT_RESERVE = { share: 0.05, maxBytes: 1024 ** 3 } as const

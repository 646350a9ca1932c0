/** What an operator may change of a purpose; what is left out keeps its default. */
export interface PurposeOverride {
  readonly mimeTypes?: readonly string[] | null
  readonly maxBytes?: number
  readonly holder?: 'anyone' | 'user' | 'admin'
  readonly stamped?: boolean
}

export function isPurposeOverride(value: unknown): value is PurposeOverride {
  if (typeof value !== 'object' || value === null) return false
  const checks: Record<string, (field: unknown) => boolean> = {
    mimeTypes: (field) =>
      field === null || (Array.isArray(field) && field.every((type) => typeof type === 'string')),
    maxBytes: (field) => Number.isSafeInteger(field) && Number(field) > 0,
    holder: (field) => ['anyone', 'user', 'admin'].includes(String(field)),
    stamped: (field) => typeof field === 'boolean',
  }
  return Object.entries(value).every(([name, field]) => checks[name]?.(field) ?? false)
}

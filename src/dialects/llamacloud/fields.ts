import { Fields, type Location, type Problems, reading } from '../../http/fields.ts'

export const MAX_NAME_CHARACTERS = 3000

/** Which project a request means, by UUID or slug; either may be absent. */
export interface RequestedScope {
  readonly project: string | undefined
  readonly organization: string | undefined
}

/** @throws InvalidRequest */
export function readScope(query: unknown): RequestedScope {
  return reading((problems) => scopeIn(Fields.of(query, ['query'], problems)))
}

export function scopeIn(fields: Fields): RequestedScope {
  return { project: fields.text('project_id'), organization: fields.text('organization_id') }
}

/** The id of the file in another system, which is kept. */
export function externalIdIn(fields: Fields): string | null {
  return fields.keptText('external_file_id') ?? null
}

export function checkNameLength(problems: Problems, loc: Location, name: string): void {
  if ([...name].length <= MAX_NAME_CHARACTERS) return
  const msg = `String should have at most ${MAX_NAME_CHARACTERS} characters`
  problems.add(loc, 'string_too_long', msg, { ctx: { max_length: MAX_NAME_CHARACTERS } })
}

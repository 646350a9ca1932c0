import { quote, type Violations } from './violations.ts'

/** What an update may name. The bytes of a file and their type never change. */
export const updatablePaths = [
  'name',
  'description',
  'labels',
  'expiration_config',
  'expiration_config.expiration_policy',
  'expiration_config.ttl_days',
] as const
export type UpdatablePath = (typeof updatablePaths)[number]

/**
 * The fields that an update names, in either spelling (`ttl_days`, `ttlDays`). An update that names none is refused: what
 * it is meant to change cannot be told.
 */
export function readFieldMask(
  paths: readonly string[] | undefined,
  violations: Violations,
): ReadonlySet<UpdatablePath> {
  const named = new Set<UpdatablePath>()
  if (paths === undefined || paths.length === 0) violations.missing('update_mask')
  for (const path of paths ?? []) {
    const snake = path.trim().replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const known = updatablePaths.find((updatable) => updatable === snake)
    if (known !== undefined) named.add(known)
    else {
      violations.add('update_mask', `unknown path ${quote(path)}`)
      break
    }
  }
  return named
}

/** The paths of a mask in its JSON form, `name,expirationConfig.ttlDays`. */
export function splitFieldMask(text: string): readonly string[] {
  return text.split(',').filter((path) => path.trim() !== '')
}

import { requireRole } from '../../core/access/admit.ts'
import type { Caller } from '../../core/caller.ts'
import { ServiceError } from '../../core/errors.ts'
import type { Purpose, PurposeRule } from './settings.ts'

/**
 * Whether this caller may upload for the purpose, and whether the file fits it.
 * @throws ServiceError `user-missing`, `role-missing`, `rule-violated` naming `mimeType` or `sizeBytes`
 */
export function checkPurpose(
  caller: Caller,
  purpose: Purpose,
  rule: PurposeRule,
  file: { readonly mimeType: string; readonly sizeBytes: number },
): void {
  checkHolder(caller, purpose, rule)
  if (rule.mimeTypes !== null && !rule.mimeTypes.includes(essence(file.mimeType))) {
    throw new ServiceError('rule-violated', `${purpose} does not take ${file.mimeType}.`, {
      field: 'mimeType',
    })
  }
  if (file.sizeBytes > rule.maxBytes) {
    const message = `${purpose} takes at most ${rule.maxBytes} bytes.`
    throw new ServiceError('rule-violated', message, { field: 'sizeBytes' })
  }
}

function checkHolder(caller: Caller, purpose: Purpose, { holder }: PurposeRule): void {
  if (holder === 'anyone') return
  if (caller.subject.type !== 'user') {
    throw new ServiceError('user-missing', `${purpose} needs a key that belongs to a user.`)
  }
  if (holder === 'admin') requireRole(caller, 'admin', purpose)
}

/** A MIME type without parameters, in lower case. */
function essence(mimeType: string): string {
  const [type = ''] = mimeType.split(';')
  return type.trim().toLowerCase()
}

/**
 * Puts the time, in milliseconds since the epoch, before the last extension: `a.tar.gz` → `a.tar_1713045600000.gz`. A name
 * without an extension, or that is nothing but one (`.env`), gets it at the end.
 */
export function stampName(name: string, nowMs: number): string {
  const dot = name.lastIndexOf('.')
  return dot > 0 ? `${name.slice(0, dot)}_${nowMs}${name.slice(dot)}` : `${name}_${nowMs}`
}

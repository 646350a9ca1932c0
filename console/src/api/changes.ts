import type { ExpiryRule, FileBody } from './bodies.ts'
import { ApiError, api, type Patience, patiently } from './client.ts'

/** What can be changed of a file, as `PATCH` takes it. */
export interface Change {
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly description?: string | null
  readonly purpose?: string | null
  readonly expiresAt?: string | null
  readonly expiry?: ExpiryRule
}

/** What makes the changed fields as they were. */
export function oppositeOf(file: FileBody, change: Change): Change {
  const { name, labels, description, purpose } = file
  return {
    ...(change.name === undefined ? {} : { name }),
    ...(change.labels === undefined ? {} : { labels }),
    ...(change.description === undefined ? {} : { description }),
    ...(change.purpose === undefined ? {} : { purpose }),
    ...(change.expiresAt === undefined && change.expiry === undefined ? {} : endOf(file)),
  }
}

/** An end that follows a rule goes on to follow it. */
function endOf({ expiresAt, expiry }: FileBody): Change {
  return expiry.policy === 'never' || expiry.policy === 'at' ? { expiresAt } : { expiry }
}

/**
 * Changes a file that is as it was shown, so that nothing is lost of what others do meanwhile.
 * @param onFile gets the file as it is then, also where it was refused because it is another by now
 * @throws ApiError
 */
export async function sendChange(
  file: FileBody,
  change: Change,
  onFile: (now: FileBody) => void,
  patience: Patience = {},
): Promise<FileBody> {
  const path = `files/${file.id}`
  const send = () => api.patch<FileBody>(path, change, { ifMatch: file.updatedAt })
  const now = await patiently(send, patience).catch(async (error: unknown) => {
    if (!isOfAnother(error)) throw error
    const other = await api.get<FileBody>(path)
    // An attempt whose answer was lost may have made the change.
    if (isMade(change, other)) return other
    onFile(other)
    const detail = 'Somebody else has changed the file meanwhile. It is shown as it is now.'
    throw new ApiError({ status: 412, detail })
  })
  onFile(now)
  return now
}

/** Whether the file is not any more what the change was for. */
export function isOfAnother(error: unknown): boolean {
  return error instanceof ApiError && error.status === 412
}

function isMade(change: Change, file: FileBody): boolean {
  return JSON.stringify({ ...file, ...change }) === JSON.stringify(file)
}

import type { ExpiryRule, FileBody } from '../../api/bodies.ts'
import { api } from '../../api/client.ts'
import { reasonOf } from '../../ui/failure.tsx'
import { toast } from '../../ui/toast.tsx'

/** What can be changed, as `PATCH` takes it. */
export interface Change {
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly description?: string | null
  readonly purpose?: string | null
  readonly expiresAt?: string | null
  readonly expiry?: ExpiryRule
}

/** Takes the file as it is now. */
export type OnFile = (file: FileBody) => void

/**
 * Changes a file, says so, and offers to take it back. @throws ApiError where the change was refused
 * @param said what has happened: "Renamed"
 */
export async function changeFile(
  file: FileBody,
  change: Change,
  said: string,
  onFile: OnFile,
): Promise<void> {
  onFile(await send(file, change))
  const undo = async () => {
    try {
      onFile(await send(file, oppositeOf(file, change)))
      toast({ text: 'Taken back' })
    } catch (error) {
      toast({ text: `Not taken back. ${reasonOf(error)}`, isError: true })
    }
  }
  toast({ text: said, undo })
}

function send({ id }: FileBody, change: Change): Promise<FileBody> {
  return api.patch<FileBody>(`files/${id}`, change)
}

/** What makes the changed fields as they were. */
function oppositeOf(file: FileBody, change: Change): Change {
  const { name, labels, description, purpose } = file
  return {
    ...(change.name === undefined ? {} : { name }),
    ...(change.labels === undefined ? {} : { labels }),
    ...(change.description === undefined ? {} : { description }),
    ...(change.purpose === undefined ? {} : { purpose }),
    ...(change.expiresAt === undefined && change.expiry === undefined ? {} : endOf(file)),
  }
}

function endOf({ expiresAt, expiry }: FileBody): Change {
  return expiry.policy === 'never' || expiry.policy === 'at' ? { expiresAt } : { expiry }
}

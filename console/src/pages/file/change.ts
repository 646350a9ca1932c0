import type { FileBody } from '../../api/bodies.ts'
import { type Change, oppositeOf } from '../../api/changes.ts'
import { api } from '../../api/client.ts'
import { reasonOf } from '../../ui/failure.tsx'
import { toast } from '../../ui/toast.tsx'

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

import type { FileBody } from '../../api/bodies.ts'
import { type Change, oppositeOf, sendChange } from '../../api/changes.ts'
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
  const changed = await sendChange(file, change, onFile)
  const undo = async () => {
    try {
      await sendChange(changed, oppositeOf(file, change), onFile)
      toast({ text: 'Taken back' })
    } catch (error) {
      toast({ text: `Not taken back. ${reasonOf(error)}`, isError: true })
    }
  }
  toast({ text: said, undo })
}

import { type FileIdForm, uuidForm } from '../../core/file-id.ts'

/** The vendor's ids are bare UUIDs, as ours are. */
export const fileIds: FileIdForm = uuidForm

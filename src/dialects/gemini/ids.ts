import { hexForm } from '../../core/file-id.ts'

/** Of the resource name of a file. */
export const PREFIX = 'files/'

/** `files/` and the 32 hexadecimal digits of the UUID; in paths the digits alone. */
export const fileIds = hexForm(PREFIX)

import { hexForm } from '../../core/file-id.ts'

export const FILE_PREFIX = 'file_'
export const fileIds = hexForm(FILE_PREFIX)

import { radixForm } from '../../core/file-id.ts'

export const fileIds = radixForm({ prefix: 'fvt', radix: 32, length: 26, pattern: 'fvt[0-7][0-9a-v]{25}' })

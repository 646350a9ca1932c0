import { hexForm } from '../../core/file-id.ts'

export const fileIds = hexForm('file-')

/** An upload and the file that it becomes are one row, under two ids. */
export const uploadIds = hexForm('upload_')

const PART = /^part_([0-9a-f]{12})$/

/** @param start where the ledger has the part, a negative number of 48 bits */
export function printPartId(start: number): string {
  return `part_${(-start).toString(16).padStart(12, '0')}`
}

/** Undefined if the text is no id of a part. */
export function parsePartId(text: string): number | undefined {
  const [, digits] = PART.exec(text) ?? []
  return digits === undefined ? undefined : -Number.parseInt(digits, 16)
}

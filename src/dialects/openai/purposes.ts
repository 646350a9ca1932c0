import type { FileRecord } from '../../core/files/file.ts'
import type { PurposeFilter } from '../../core/ports/purpose-filter.ts'

/** What a client may name, in the vendor's order. */
export const uploadPurposes = ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals'] as const

/** What files may show: the vendor's services make some of their own. */
export const shownPurposes = [
  ...uploadPurposes,
  'assistants_output',
  'batch_output',
  'fine-tune-results',
] as const

/** Of a file whose purpose this vendor does not know, or that has none. */
const OTHER = 'user_data'

/** Files of these are not given back by the vendor. */
const withheld: readonly string[] = ['assistants', 'user_data', 'vision']

export function shownPurpose({ purpose }: Pick<FileRecord, 'purpose'>): string {
  return isShown(purpose) ? purpose : OTHER
}

/** Whether the vendor refuses the content. */
export function isWithheld(file: Pick<FileRecord, 'purpose'>): boolean {
  return withheld.includes(shownPurpose(file))
}

/** The files that show this purpose; undefined: none does. */
export function filterOf(purpose: string): PurposeFilter | undefined {
  if (!isShown(purpose)) return undefined
  const named = { in: [purpose] }
  return { anyOf: purpose === OTHER ? [named, { notIn: [...shownPurposes] }, { none: true }] : [named] }
}

function isShown(purpose: string | null): purpose is (typeof shownPurposes)[number] {
  return (shownPurposes as readonly (string | null)[]).includes(purpose)
}

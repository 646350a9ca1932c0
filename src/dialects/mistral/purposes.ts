import type { FileRecord } from '../../core/files/file.ts'
import type { PurposeFilter, PurposeTerm } from '../../core/ports/purpose-filter.ts'

/** What the vendor does with the files of a purpose, and which files it takes for it. */
interface PurposeRule {
  readonly sampleType: string
  /** Of a type or a name. */
  readonly takes: RegExp
  /** In the vendor's error. */
  readonly takesText: string
  readonly maxBytes?: number
}

/** JSON Lines, by a name or a type. */
const JSON_LINES = /\.jsonl$|^application\/(x-)?(jsonl|jsonlines|ndjson)\b/i
const lines = { takes: JSON_LINES, takesText: 'application/jsonl' } as const
const FINE_TUNE = 'fine-tune'
const OCR = 'ocr'

/** The vendor's list; any other text is a purpose as well. */
const rules: ReadonlyMap<string, PurposeRule> = new Map([
  [FINE_TUNE, { sampleType: 'instruct', ...lines }],
  ['batch', { sampleType: 'batch_request', ...lines }],
  [
    OCR,
    {
      sampleType: 'ocr_input',
      takes:
        /^(application\/pdf|image\/|application\/vnd\.openxmlformats-officedocument\.(wordprocessingml\.document|presentationml\.presentation))/i,
      takesText: 'application/pdf, image/.*, and documents of Word and PowerPoint',
    },
  ],
  [
    'audio',
    {
      sampleType: 'audio',
      takes: /^(audio\/|video\/webm|application\/ogg)/i,
      takesText: 'audio/.*',
      maxBytes: 500 * 1024 * 1024,
    },
  ],
])
const OTHER_SAMPLES = 'ocr_input'

/** The words of the vendor, and those that this server prints. */
export const sampleTypes = [
  'pretrain',
  'instruct',
  'batch_request',
  'batch_result',
  'batch_error',
  ...['ocr_input', 'audio'],
] as const
/** What a name ends in whose file is meant for training, in any case of its letters, as `PurposeTerm` has it. */
const TRAINING_END = '.jsonl'

type Named = Pick<FileRecord, 'name' | 'purpose'>

/** Of a file that names none: by its name. */
export function defaultPurpose(name: string): string {
  return name.toLowerCase().endsWith(TRAINING_END) ? FINE_TUNE : OCR
}

export function shownPurpose({ purpose, name }: Named): string {
  return purpose ?? defaultPurpose(name)
}

export function sampleTypeOf(purpose: string): string {
  return rules.get(purpose)?.sampleType ?? OTHER_SAMPLES
}

export function isJsonLines({ name, mimeType }: Pick<FileRecord, 'name' | 'mimeType'>): boolean {
  return JSON_LINES.test(name) || JSON_LINES.test(mimeType)
}

/** What the vendor takes for this purpose, in its words, if that is not this file; undefined: it takes it. */
export function refusedTypes(purpose: string, { name, mimeType }: Pick<FileRecord, 'name' | 'mimeType'>) {
  const rule = rules.get(purpose)
  return rule === undefined || rule.takes.test(mimeType) || rule.takes.test(name) ? undefined : rule.takesText
}

/** The most bytes of a file of this purpose, if it has a bound of its own. */
export function maxBytesOf(purpose: string): number | undefined {
  return rules.get(purpose)?.maxBytes
}

/**
 * Finds the files that `shownPurpose` and `sampleTypeOf` show so. Undefined for either: any.
 * @returns undefined if no file can be shown so
 */
export function filterOf(
  purpose: string | undefined,
  samples: readonly string[] | undefined,
): PurposeFilter | undefined {
  if (purpose !== undefined) {
    const fits = samples?.includes(sampleTypeOf(purpose)) ?? true
    return fits ? { anyOf: [{ in: [purpose] }, ...withoutPurpose([purpose])] } : undefined
  }
  const known = [...rules].filter(([, { sampleType }]) => samples?.includes(sampleType)).map(([name]) => name)
  const others: PurposeTerm[] = samples?.includes(OTHER_SAMPLES) ? [{ notIn: [...rules.keys()] }] : []
  const anyOf = [...(known.length === 0 ? [] : [{ in: known }]), ...others, ...withoutPurpose(known)]
  return anyOf.length === 0 ? undefined : { anyOf }
}

/** Files without a purpose that are shown with one of these. */
function withoutPurpose(shown: readonly string[]): PurposeTerm[] {
  const training: PurposeTerm[] = shown.includes(FINE_TUNE)
    ? [{ none: true, nameEndsWith: TRAINING_END }]
    : []
  return shown.includes(OCR) ? [...training, { none: true, nameEndsNotWith: TRAINING_END }] : training
}

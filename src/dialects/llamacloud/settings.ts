export const purposes = ['user_data', 'parse', 'extract', 'split', 'classify', 'sheet', 'agent_app'] as const
export type Purpose = (typeof purposes)[number]

export interface LlamaCloudSettings {
  readonly maxFileBytes: number
  /** Hours until a file of this purpose ends, fixed at its creation; null keeps it. */
  readonly retentionHours: Readonly<Record<Purpose, number | null>>
  /** Fill `download_url` in the answer to create. */
  readonly urlOnCreate: boolean
  /** Print ids as `dfl-<uuid>`; otherwise bare. Both are always accepted. */
  readonly prefixIds: boolean
  /** Take any text as a purpose; unknown ones are kept without expiry. */
  readonly anyPurpose: boolean
  readonly allowEmptyFiles: boolean
  /** How long the cookie `session` lives. */
  readonly sessionSeconds: number
  /** Let callers have the server fetch files from the network. */
  readonly uploadFromUrl: boolean
  /** Hosts that may be asked although they are not public; see `OutboundPolicy`. */
  readonly uploadFromUrlAllowedHosts: readonly string[]
}

const PARSE_HOURS = 48

/** The vendor documents 48 hours for the files that it parses, and nothing for the other purposes. */
export const defaultRetentionHours: LlamaCloudSettings['retentionHours'] = {
  user_data: null,
  parse: PARSE_HOURS,
  extract: PARSE_HOURS,
  split: PARSE_HOURS,
  classify: PARSE_HOURS,
  sheet: PARSE_HOURS,
  agent_app: null,
}

/** What the vendor's printed examples send, in every language: taken as a purpose that says nothing, and kept. */
export const EXAMPLE_PURPOSE = 'purpose'

export function isPurpose(text: string): text is Purpose {
  return (purposes as readonly string[]).includes(text)
}

/** The default retention with an operator's changes. @throws Error naming a purpose that does not exist */
export function overrideRetention(
  overrides: Readonly<Record<string, number | null>> | 'never',
): LlamaCloudSettings['retentionHours'] {
  if (overrides === 'never')
    return overrideRetention(Object.fromEntries(purposes.map((name) => [name, null])))
  const unknown = Object.keys(overrides).find((name) => !isPurpose(name))
  if (unknown === undefined) return { ...defaultRetentionHours, ...overrides }
  throw new Error(`There is no LlamaCloud purpose "${unknown}"; there are ${purposes.join(', ')}.`)
}

/** Who may upload for a purpose: any key with the scope, a key of a user, or a user's key with the role `admin`. */
export type PurposeHolder = 'anyone' | 'user' | 'admin'

export interface PurposeRule {
  /** Allowed MIME types, compared without parameters and letter case; null allows any. */
  readonly mimeTypes: readonly string[] | null
  readonly maxBytes: number
  readonly holder: PurposeHolder
  /** Stamp the name with the time and refuse to overwrite. */
  readonly stamped: boolean
}

export const purposes = [
  'meeting_transcript',
  'knowledge_user',
  'knowledge_workspace',
  'email_attachment',
] as const
export type Purpose = (typeof purposes)[number]

export interface LightfieldSettings {
  /** Seconds from create until a pending upload ends. */
  readonly sessionSeconds: number
  /** Seconds that a download URL lives. */
  readonly downloadSeconds: number
  /** Refuse requests without the header `Lightfield-Version`. */
  readonly requireVersion: boolean
  readonly purposes: Readonly<Record<Purpose, PurposeRule>>
}

const MIB = 1024 * 1024

/** The vendor publishes that each purpose has rules, and few of them; README.md tells which are its word and which ours. */
export const defaultPurposes: LightfieldSettings['purposes'] = {
  meeting_transcript: {
    mimeTypes: [
      'text/plain',
      'text/vtt',
      'text/srt',
      'application/x-subrip',
      'text/markdown',
      'application/json',
      'application/pdf',
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    ],
    maxBytes: 10 * MIB,
    holder: 'anyone',
    stamped: false,
  },
  knowledge_user: { mimeTypes: null, maxBytes: 100 * MIB, holder: 'user', stamped: true },
  knowledge_workspace: { mimeTypes: null, maxBytes: 100 * MIB, holder: 'admin', stamped: true },
  email_attachment: { mimeTypes: null, maxBytes: 20 * MIB, holder: 'anyone', stamped: false },
}

/** The default rules with an operator's changes. @throws Error naming a purpose that does not exist */
export function overridePurposes(
  overrides: Readonly<Record<string, Partial<PurposeRule>>>,
): LightfieldSettings['purposes'] {
  const unknown = Object.keys(overrides).find((name) => !(purposes as readonly string[]).includes(name))
  if (unknown !== undefined) {
    throw new Error(`There is no Lightfield purpose "${unknown}"; there are ${purposes.join(', ')}.`)
  }
  const merged = purposes.map((name) => [name, { ...defaultPurposes[name], ...overrides[name] }])
  return Object.fromEntries(merged) as LightfieldSettings['purposes']
}

import { readFileSync } from 'node:fs'
import { integer, onOff } from '../../config/parsers.ts'
import { type Parser, setting, type ValuesOf, WrongValue } from '../../config/setting.ts'

/** Who may upload for a purpose: any key with the scope, a key of a user, or a user's key with the role `admin`. */
const holders = ['anyone', 'user', 'admin'] as const
type PurposeHolder = (typeof holders)[number]

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

type PurposeRules = Readonly<Record<Purpose, PurposeRule>>

const MIB = 1024 * 1024

/** The vendor publishes that each purpose has rules, and few of them; README.md tells which are its word and which ours. */
const defaultPurposes: PurposeRules = {
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

/** What may be changed of a rule; what is left out keeps its default. */
const fieldChecks: Readonly<Record<string, (field: unknown) => boolean>> = {
  mimeTypes: (field) =>
    field === null || (Array.isArray(field) && field.every((type) => typeof type === 'string')),
  maxBytes: (field) => Number.isSafeInteger(field) && Number(field) > 0,
  holder: (field) => (holders as readonly unknown[]).includes(field),
  stamped: (field) => typeof field === 'boolean',
}

function isOverride(value: unknown): value is Partial<PurposeRule> {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).every(([name, field]) => fieldChecks[name]?.(field) ?? false)
}

/** JSON, or `@` and the path of a file with JSON: the default rules with an operator's changes. */
const purposeRules: Parser<PurposeRules> = (text) => {
  const overrides = readJson(text)
  const wrong = Object.entries(overrides).find(([, override]) => !isOverride(override))
  if (wrong !== undefined)
    throw new WrongValue(
      `has a purpose "${wrong[0]}" that is not an object of ${Object.keys(fieldChecks)
        .join(', ')
        .replace(/, (\w+)$/, ' and $1')}.`,
    )
  const unknown = Object.keys(overrides).find((name) => !(purposes as readonly string[]).includes(name))
  if (unknown !== undefined)
    throw new WrongValue(
      `is wrong. There is no Lightfield purpose "${unknown}"; there are ${purposes.join(', ')}.`,
    )
  const merged = purposes.map((name) => [name, { ...defaultPurposes[name], ...overrides[name] }])
  return Object.fromEntries(merged) as PurposeRules
}

function readJson(text: string): Record<string, object> {
  try {
    const value: unknown = JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text)
    return Object(value)
  } catch (error) {
    throw new WrongValue(`could not be read as JSON: ${(error as Error).message}.`)
  }
}

/** S3 has the same bound. */
const MAX_LINK_SECONDS = 7 * 24 * 60 * 60

export const settings = {
  /** Seconds from create until a pending upload ends. */
  sessionSeconds: setting('LIGHTFIELD_SESSION_SECONDS <seconds>', integer(1, MAX_LINK_SECONDS), {
    fallback: '3600',
    help: 'how long an upload may wait for its bytes',
    more: 'Up to seven days.',
  }),
  downloadSeconds: setting('LIGHTFIELD_DOWNLOAD_SECONDS <seconds>', integer(1, MAX_LINK_SECONDS), {
    fallback: '900',
    help: 'how long a download URL lives',
    more: 'Up to seven days.',
  }),
  requireVersion: setting('LIGHTFIELD_REQUIRE_VERSION <on|off>', onOff, {
    fallback: 'on',
    help: 'reject requests without Lightfield-Version below /lightfield',
    more: 'On the bare /v1 the header is always needed.',
  }),
  purposes: setting('LIGHTFIELD_PURPOSES <json>', purposeRules, {
    fallback: '{}',
    help: 'changed rules of purposes, as JSON or @file',
    more: "See the [dialect's README](src/dialects/lightfield/README.md#purposes).",
  }),
}

export type LightfieldSettings = ValuesOf<typeof settings>

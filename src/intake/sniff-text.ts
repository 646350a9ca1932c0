import { isUtf8 } from 'node:buffer'

/** The beginning of a text. */
export interface Text {
  /** Its first characters, some thousand. */
  readonly start: string
  /** Whether it has no control characters. */
  readonly isPlain: boolean
}

const START_BYTES = 4096
const BYTE_ORDER_MARK = 0xfeff
/** Enough to tell words from other bytes. */
const JUDGED_BYTES = 256
/** Without tabs, ends of lines and pages, the escapes of terminals and ISO 2022, and the end of a DOS file. */
const CONTROL = /[\u0000-\u0008\u000b\u000e-\u0019\u001c-\u001f\u007f]/

/**
 * A text in UTF-8, in UTF-16 or UTF-32 with its mark, or in an encoding older than Unicode; undefined for other content.
 * @param cutBytes a head of this length may end within a character
 */
export function readText(head: Uint8Array, cutBytes: number): Text | undefined {
  const bytes = head.subarray(0, START_BYTES)
  const utf32 = utf32Of(bytes)
  if (utf32 !== undefined) return plain(utf32)
  const utf16 = utf16Of(head)
  if (utf16 !== undefined) return plain(decode(bytes, utf16))
  const whole = head.length < cutBytes ? head : head.subarray(0, lastCharacterStart(head))
  if (!isUtf8(whole)) return plain(legacyText(bytes))
  if (whole.includes(0)) return undefined
  const start = Buffer.from(bytes).toString('utf8')
  return { start, isPlain: !CONTROL.test(start) }
}

/**
 * Whether bytes may be a text in UTF-16 without a mark: words in letters of one alphabet, or ASCII. Other formats look
 * alike, so check their signatures first.
 */
export function isUnmarkedUtf16(head: Uint8Array): boolean {
  const judged = head.subarray(0, JUDGED_BYTES)
  if (judged.length % 2 !== 0 || !judged.includes(0)) return false
  return ['utf-16le', 'utf-16be'].some((encoding) => {
    const text = decode(judged, encoding)
    if (text === undefined || CONTROL.test(text)) return false
    return unmarkedScripts.some((script) => isWritten(text, script))
  })
}

function plain(text: string | undefined): Text | undefined {
  return text === undefined || CONTROL.test(text) ? undefined : { start: text, isPlain: true }
}

function utf16Of(head: Uint8Array): string | undefined {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  return head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : undefined
}

/** The text behind the mark of UTF-32 (Unicode 16.0, 3.10, D99), which `TextDecoder` does not know. */
function utf32Of(bytes: Uint8Array): string | undefined {
  if (bytes.length < 4 || bytes.length % 4 !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const isLittle = view.getUint32(0, true) === BYTE_ORDER_MARK
  if (!isLittle && view.getUint32(0) !== BYTE_ORDER_MARK) return undefined
  let text = ''
  for (let at = 4; at < bytes.length; at += 4) {
    const code = view.getUint32(at, isLittle)
    if (code > 0x10_ffff) return undefined
    text += String.fromCodePoint(code)
  }
  return text.isWellFormed() ? text : undefined
}

/** The offset of the last UTF-8 character, which may be cut. */
function lastCharacterStart(head: Uint8Array): number {
  let start = head.length - 1
  while (start > head.length - 4 && ((head[start] ?? 0) & 0xc0) === 0x80) start--
  return start
}

function decode(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    // Streaming, for the last character may be cut.
    return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true })
  } catch {
    return undefined
  }
}

/** Scripts whose words have no letters of another script. */
const alphabets = {
  cyrillic: /\p{Script=Cyrillic}/gu,
  greek: /\p{Script=Greek}/gu,
  hebrew: /\p{Script=Hebrew}/gu,
  arabic: /\p{Script=Arabic}/gu,
  thai: /\p{Script=Thai}/gu,
} as const
const scripts = {
  ...alphabets,
  latin: /\p{Script=Latin}/gu,
  han: /\p{Script=Han}/gu,
  // Not the narrow ones, which any byte from A1 to DF would be.
  japanese: /[\p{Script=Han}\p{Script=Hiragana}\u30a0-\u30ff]/gu,
  korean: /[\p{Script=Hangul}\p{Script=Han}]/gu,
} as const

/** Any two bytes are likely to be a letter of one of the other scripts. */
const unmarkedScripts = ['latin', 'cyrillic', 'greek', 'hebrew', 'arabic', 'thai'] as const

/** Encodings that files still come in, with the script of their texts. */
const encodings: readonly (readonly [string, keyof typeof scripts])[] = [
  ['windows-1252', 'latin'],
  ['windows-1250', 'latin'],
  ['windows-1254', 'latin'],
  ['windows-1257', 'latin'],
  ['windows-1251', 'cyrillic'],
  ['koi8-u', 'cyrillic'],
  ['ibm866', 'cyrillic'],
  ['x-mac-cyrillic', 'cyrillic'],
  ['gb18030', 'han'],
  ['big5', 'han'],
  ['shift_jis', 'japanese'],
  ['euc-jp', 'japanese'],
  ['euc-kr', 'korean'],
  ['windows-1253', 'greek'],
  ['windows-1255', 'hebrew'],
  ['windows-1256', 'arabic'],
  ['windows-874', 'thai'],
]

/** Text in the first encoding that makes words of one script of the bytes. */
function legacyText(bytes: Uint8Array): string | undefined {
  if (CONTROL.test(Buffer.from(bytes).toString('latin1'))) return undefined
  const judged = bytes.subarray(0, JUDGED_BYTES)
  const isMostlyAscii = judged.filter((byte) => byte < 0x80).length >= judged.length / 2
  for (const [encoding, script] of encodings) {
    // At least half of a text in Latin letters is ASCII.
    if (script === 'latin' && !isMostlyAscii) continue
    const text = decode(judged, encoding)
    if (text !== undefined && isWritten(text, script)) return text
  }
  return undefined
}

const FOREIGN = /[^\u0000-\u007f]/gu
/** Signs that texts have beside letters: quotation marks, dashes, numero and currency signs, and their wide forms. */
const SIGNS = /[[\p{P}\p{Sc}\u00a0§©®°²³№±×•·™\u3000-\u303f\uff01-\uff5e]--[\u0000-\u007f]]/gv
/** A capital behind a small letter: rare in words, frequent in other bytes. */
const MIXED_CASE = /[\p{Ll}--[a-z]][\p{Lu}--[A-Z]]/gv
/** Letters of two scripts side by side. */
const MIXED_SCRIPT = /[A-Za-z][\p{L}--[A-Za-z]]|[\p{L}--[A-Za-z]][A-Za-z]/gv
/** Padding, or a single character, shows no script. */
const MIN_DIFFERENT = 3

function isWritten(text: string, script: keyof typeof scripts): boolean {
  const foreign = count(text, FOREIGN)
  const letters = count(text.replace(/[\u0000-\u007f]+/g, ' '), scripts[script])
  // English has no letters beside ASCII, only quotation marks.
  if (script !== 'latin' && letters < 0.7 * foreign) return false
  if (letters + count(text, SIGNS) < 0.97 * foreign) return false
  const faults = count(text, MIXED_CASE) + (script in alphabets ? count(text, MIXED_SCRIPT) : 0)
  return faults <= 0.03 * foreign && new Set(text).size >= MIN_DIFFERENT
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}

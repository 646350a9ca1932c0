import type { FileTypeResult } from 'file-type'
import type { ByteRange } from '../core/ports/blob-store.ts'
import { UNKNOWN_TYPE } from './media-types.ts'
import { compoundType } from './sniff-compound.ts'
import { isUnmarkedUtf16, readText } from './sniff-text.ts'
import { vagueZipTypes, zipType } from './sniff-zip.ts'

/** Enough for signatures, and for the first entries of the archives that office documents are. */
const MAX_HEAD_BYTES = 64 * 1024

/** Blanks allowed before a document: Acrobat finds a PDF within this many bytes. */
const MAX_BLANK_BYTES = 1024

/** Office before 2007 wrote compound files (MS-CFB). */
const COMPOUND_SIGNATURE = Buffer.from('d0cf11e0a1b11ae1', 'hex')
const MAX_DIRECTORY_BYTES = 4096
const NONE = 0xffff_ffff

/** Passes bytes on and keeps a copy of those that show their type. */
export class HeadCapture implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>
  /** The head; grows, because most files are smaller. */
  #kept = Buffer.alloc(0)
  #length = 0
  /** Of a compound file, as far as it has passed. */
  #directory: Uint8Array | undefined
  #passedBytes = 0
  /** Of the beginning that shows the type. */
  #neededBytes = MAX_HEAD_BYTES

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source
  }

  /**
   * The MIME type of what has passed: by signatures of formats, then markup, then text. Names play no part, and no charset
   * is added, because it would be a guess.
   * @returns `application/octet-stream` for content that is none of these, and for nothing at all
   */
  type(): Promise<string> {
    return sniffType(this.#head, this.#directory)
  }

  get #head(): Uint8Array {
    return this.#kept.subarray(0, this.#length)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    let directory: ByteRange | undefined
    for await (const chunk of this.#source) {
      if (this.#length < MAX_HEAD_BYTES) {
        this.#keep(chunk.subarray(0, MAX_HEAD_BYTES - this.#length))
        directory = directoryOf(this.#head)
        this.#neededBytes = directory === undefined ? MAX_HEAD_BYTES : directory.last + 1
      }
      if (directory !== undefined) this.#keepDirectory(directory, chunk, this.#passedBytes)
      this.#passedBytes += chunk.length
      yield chunk
    }
  }

  /** Reads as much as shows the type, and leaves the rest. */
  async read(): Promise<this> {
    for await (const _ of this) if (this.#passedBytes >= this.#neededBytes) break
    return this
  }

  #keep(bytes: Uint8Array): void {
    const length = this.#length + bytes.length
    if (length > this.#kept.length) {
      const grown = Buffer.allocUnsafe(Math.min(MAX_HEAD_BYTES, Math.max(length, 2 * this.#kept.length)))
      this.#kept.copy(grown, 0, 0, this.#length)
      this.#kept = grown
    }
    this.#kept.set(bytes, this.#length)
    this.#length = length
  }

  #keepDirectory({ first, last }: ByteRange, chunk: Uint8Array, passed: number): void {
    const part = chunk.subarray(Math.max(0, first - passed), Math.max(0, last + 1 - passed))
    if (part.length > 0) this.#directory = Buffer.concat([this.#directory ?? Buffer.alloc(0), part])
  }
}

/** The place of a compound file's directory, as much of it as shows its type; undefined for other files. */
function directoryOf(head: Uint8Array): ByteRange | undefined {
  if (head.length < 52 || COMPOUND_SIGNATURE.compare(head, 0, COMPOUND_SIGNATURE.length) !== 0)
    return undefined
  const bytes = new DataView(head.buffer, head.byteOffset, head.length)
  const shift = bytes.getUint16(30, true)
  const sector = bytes.getUint32(48, true)
  if (shift < 7 || shift > 16 || sector === NONE) return undefined
  const first = (sector + 1) * 2 ** shift
  return { first, last: first + MAX_DIRECTORY_BYTES - 1 }
}

async function sniffType(head: Uint8Array, directory?: Uint8Array): Promise<string> {
  if (head.length === 0) return UNKNOWN_TYPE
  const text = readText(head, MAX_HEAD_BYTES)
  if (text?.isPlain) return markupType(text.start) ?? (await writtenType(head)) ?? 'text/plain'
  const type = await signatureType(head)
  if (type === COMPOUND_TYPE) return compoundType(head, directory) ?? type
  if (type !== undefined) return vagueZipTypes.has(type) ? zipType(head, type) : type
  const behindBlanks = isBlank(head[0]) ? await writtenType(head) : undefined
  if (behindBlanks !== undefined) return behindBlanks
  if (text === undefined) return isUnmarkedUtf16(head) ? 'text/plain' : UNKNOWN_TYPE
  return markupType(text.start) ?? 'text/plain'
}

const COMPOUND_TYPE = 'application/x-cfb'

/** The sniffer's name of a type → the one that IANA has, or that our table has for its extension. */
const synonyms: ReadonlyMap<string, string> = new Map([
  ['application/eps', 'application/postscript'],
  ['application/lzip', 'application/x-lzip'],
  ['application/x-deb', 'application/vnd.debian.binary-package'],
  ['application/x-google-chrome-extension', 'application/x-chrome-extension'],
  ['application/x-msdownload', 'application/vnd.microsoft.portable-executable'],
  ['application/x-rar-compressed', 'application/vnd.rar'],
  ['application/x-sqlite3', 'application/vnd.sqlite3'],
  ['application/x-unix-archive', 'application/x-archive'],
  ['audio/ogg; codecs=opus', 'audio/ogg'],
  ['audio/vnd.dolby.dd-raw', 'audio/ac3'],
  ['audio/x-m4a', 'audio/mp4'],
  ['image/x-icon', 'image/vnd.microsoft.icon'],
  ['video/MP1S', 'video/mpeg'],
  ['video/MP2P', 'video/mpeg'],
])

/** By extension, where the sniffer has one type for two formats. */
const typesOfExtensions: ReadonlyMap<string, string> = new Map([
  ['pst', 'application/vnd.ms-outlook-pst'],
  ['vsdx', 'application/vnd.ms-visio.drawing'],
])

/** Bytes of the shortest header of a format that the sniffer knows by two or three of them, or by zeros, by its own name. */
const leastBytes: ReadonlyMap<string, number> = new Map([
  ['application/x-apple-diskimage', 512],
  ['application/x-arj', 34],
  ['application/x-compress', 3],
  ['application/x-cpio', 26],
  ['application/x-msdownload', 28],
  ['audio/aac', 7],
  ['audio/mpeg', 4],
  ['audio/vnd.dolby.dd-raw', 7],
  ['font/otf', 12],
  ['font/ttf', 12],
  ['image/bmp', 26],
  ['image/jxl', 12],
])

/** Of bytes behind the end it thinks as of zeros, of which formats are known, too. */
const LONGEST_SIGNATURE_BYTES = 16
const otherPadding = Buffer.alloc(LONGEST_SIGNATURE_BYTES, 0xff)

/** What the sniffer finds in the bytes that are there. */
async function foundIn(head: Uint8Array): Promise<FileTypeResult | undefined> {
  // Loaded only now: a start does not wait for it.
  const { fileTypeFromBuffer } = await import('file-type')
  const found = await fileTypeFromBuffer(head).catch(() => undefined)
  if (found === undefined || head.length < (leastBytes.get(found.mime) ?? 0)) return undefined
  if (head.length >= LONGEST_SIGNATURE_BYTES) return found
  const padded = await fileTypeFromBuffer(Buffer.concat([head, otherPadding])).catch(() => undefined)
  return padded?.mime === found.mime ? found : undefined
}

async function signatureType(head: Uint8Array): Promise<string | undefined> {
  // The sniffer would unpack it to look for a tar, which has no type of its own.
  if (head[0] === 0x1f && head[1] === 0x8b) return 'application/gzip'
  const found = await foundIn(head)
  if (found === undefined) return cutType(head)
  if (found.mime === 'image/x-icon' && !hasIcons(head)) return targaType(head)
  return typesOfExtensions.get(found.ext) ?? synonyms.get(found.mime) ?? found.mime
}

/** An icon has the number of its pictures there; a Targa image that begins alike has zeros. */
function hasIcons(head: Uint8Array): boolean {
  return head.length >= 6 && (head[4] !== 0 || head[5] !== 0)
}

/** A Targa image in true colour without a palette (Truevision TGA 2.0, header): it has a size, and whole bits for a dot. */
function targaType(head: Uint8Array): string | undefined {
  const [, , kind, , , , , , , , , , width = 0, width2 = 0, height = 0, height2 = 0, bits = 0] = head
  const hasSize = (width || width2) !== 0 && (height || height2) !== 0
  return kind === 2 && hasSize && [15, 16, 24, 32].includes(bits) ? 'image/x-tga' : undefined
}

/** Formats that the sniffer knows only by the whole file: a TIFF may describe its pages at its end. */
function cutType(head: Uint8Array): string | undefined {
  const start = Buffer.from(head.subarray(0, 4)).toString('latin1')
  return start === 'II*\0' || start === 'MM\0*' ? 'image/tiff' : undefined
}

/** Formats that are text or begin with it. A text can be of no other: `BMW` begins like a bitmap. */
const WRITTEN = /^text\/|^application\/(pdf|rtf|postscript|xml|pgp-encrypted|x-ms-regedit)$|^model\/stl$/

/** The type of such a format, also behind blanks. */
async function writtenType(head: Uint8Array): Promise<string | undefined> {
  const start = head.findIndex((byte) => !isBlank(byte))
  if (start < 0 || start > MAX_BLANK_BYTES) return undefined
  const type = await signatureType(head.subarray(start))
  return type !== undefined && WRITTEN.test(type) ? type : undefined
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d)
}

/** Declarations and comments, then the first element. */
const MARKUP =
  /^\s*((?:<\?[^>]*>\s*|<!--(?:[^-]|-[^-])*-->\s*|<!doctype[^>[]*(?:\[[^\]]*\]\s*)?>\s*)*)(?:<([\w:-]+))?/i

/** HTML, SVG or XML, by what comes first. */
function markupType(start: string): string | undefined {
  const [, prolog = '', element = ''] = MARKUP.exec(start) ?? []
  const isXml = /^<\?xml\s/i.test(prolog)
  const root = element.toLowerCase()
  if (root === 'svg' || root === 'svg:svg') return 'image/svg+xml'
  const isPage = /<!doctype\s+html/i.test(prolog) || root === 'html'
  if (isXml) return isPage ? 'application/xhtml+xml' : 'application/xml'
  return isPage || root === 'head' || root === 'body' ? 'text/html' : undefined
}

import { mediaTypes } from './media-types.ts'

const OFFICE = 'application/vnd.openxmlformats-officedocument'

/** Folders of Office Open XML (ECMA-376) with the type of a document that has one, without and with macros. */
const packages: readonly (readonly [folder: string, plain: string, withMacros: string])[] = [
  ['word/', `${OFFICE}.wordprocessingml.document`, 'application/vnd.ms-word.document.macroenabled.12'],
  ['xl/', `${OFFICE}.spreadsheetml.sheet`, 'application/vnd.ms-excel.sheet.macroenabled.12'],
  [
    'ppt/',
    `${OFFICE}.presentationml.presentation`,
    'application/vnd.ms-powerpoint.presentation.macroenabled.12',
  ],
  ['visio/', 'application/vnd.ms-visio.drawing', 'application/vnd.ms-visio.drawing'],
]
/** Parts that every such document has. */
const PACKAGE_MARK = /^(\[Content_Types\]\.xml|_rels\/\.rels|docProps\/(app|core)\.xml)$/

const MAX_TYPE_BYTES = 255

/** Types that the sniffer reports for a ZIP when it does not see enough: the ZIP itself, or Office without macros. */
export const vagueZipTypes: ReadonlySet<string> = new Set([
  'application/zip',
  ...packages.map(([, plain]) => plain),
])

/**
 * The type of a ZIP, by the names of the entries in its head.
 * @param found one of `vagueZipTypes`; returned if the names show nothing else
 */
export function zipType(head: Uint8Array, found: string): string {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length)
  const entries = zipEntries(bytes)
  const names = entries.map(({ name }) => name)
  return statedType(bytes, entries[0]) ?? packageType(names) ?? knownEntryType(names) ?? found
}

function packageType(names: readonly string[]): string | undefined {
  if (!names.some((name) => PACKAGE_MARK.test(name))) return undefined
  if (names.includes('xl/workbook.bin')) return 'application/vnd.ms-excel.sheet.binary.macroenabled.12'
  for (const [folder, plain, withMacros] of packages) {
    if (names.includes(`${folder}vbaProject.bin`)) return withMacros
    if (names.some((name) => name.startsWith(folder))) return plain
  }
  return undefined
}

function knownEntryType(names: readonly string[]): string | undefined {
  if (names.includes('META-INF/container.xml')) return 'application/epub+zip'
  if (names.includes('AndroidManifest.xml')) return 'application/vnd.android.package-archive'
  return names.includes('doc.kml') ? 'application/vnd.google-earth.kmz' : undefined
}

/** The text of a first entry `mimetype` that is not packed (OpenDocument 1.3, part 2, 3.3), if it is a type we know. */
function statedType(bytes: Buffer, first: ZipEntry | undefined): string | undefined {
  if (first?.name !== 'mimetype' || !first.isStored || first.sizeBytes === undefined) return undefined
  const end = first.start + Math.min(first.sizeBytes, MAX_TYPE_BYTES)
  const type = bytes.toString('latin1', first.start, end).trim().toLowerCase()
  return type.startsWith('application/') && mediaTypes.getExtension(type) !== null ? type : undefined
}

/** One entry of a ZIP, by the header in front of its bytes (APPNOTE.TXT, 4.3.7). */
interface ZipEntry {
  /** Cut after `MAX_NAME_BYTES`. */
  readonly name: string
  /** Whether its bytes are not packed. */
  readonly isStored: boolean
  /** The offset of its bytes. */
  readonly start: number
  /** Undefined if the size is in a descriptor behind the bytes. */
  readonly sizeBytes: number | undefined
}

const SIGNATURE = Buffer.from('PK\u0003\u0004', 'latin1')
const HEADER_BYTES = 30
const MAX_ENTRIES = 1000
const MAX_NAME_BYTES = 100
/** The size is behind the bytes (4.4.4, bit 3). */
const HAS_DESCRIPTOR = 8
/** The size is in an extra field (4.5.3). */
const SEE_ZIP64 = 0xffff_ffff
const ZIP64_FIELD = 1

/**
 * The entries whose headers are in the head of a ZIP. The walk skips the bytes of each entry, because an archive stored
 * in the archive has headers, too. It stops at an entry that ends behind the head.
 */
function zipEntries(bytes: Buffer): ZipEntry[] {
  const entries: ZipEntry[] = []
  let at = bytes.indexOf(SIGNATURE)
  while (at >= 0 && at + HEADER_BYTES <= bytes.length && entries.length < MAX_ENTRIES) {
    const entry = entryAt(bytes, at)
    entries.push(entry)
    at = nextHeader(bytes, entry)
  }
  return entries
}

function entryAt(bytes: Buffer, at: number): ZipEntry {
  const nameEnd = at + HEADER_BYTES + bytes.readUInt16LE(at + 26)
  const start = nameEnd + bytes.readUInt16LE(at + 28)
  return {
    name: bytes.toString('latin1', at + HEADER_BYTES, Math.min(nameEnd, at + HEADER_BYTES + MAX_NAME_BYTES)),
    isStored: bytes.readUInt16LE(at + 8) === 0,
    start,
    sizeBytes: sizeOf(bytes, at, bytes.subarray(nameEnd, start)),
  }
}

function sizeOf(bytes: Buffer, at: number, extra: Buffer): number | undefined {
  const told = bytes.readUInt32LE(at + 18)
  const packed = told === SEE_ZIP64 ? zip64Size(extra, bytes.readUInt32LE(at + 22) === SEE_ZIP64) : told
  // Some programs write the size in front of the bytes as well as behind them.
  return packed === 0 && (bytes.readUInt16LE(at + 6) & HAS_DESCRIPTOR) !== 0 ? undefined : packed
}

/** The packed size in the ZIP64 field, where it follows the unpacked size if that is there. */
function zip64Size(extra: Buffer, hasUnpackedSize: boolean): number | undefined {
  const skipped = hasUnpackedSize ? 8 : 0
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== ZIP64_FIELD) continue
    const sizeAt = at + 4 + skipped
    return sizeAt + 8 <= extra.length ? Number(extra.readBigUInt64LE(sizeAt)) : undefined
  }
  return undefined
}

/** @returns -1 if there is none in the head */
function nextHeader(bytes: Buffer, { start, sizeBytes }: ZipEntry): number {
  if (sizeBytes !== undefined) return bytes.indexOf(SIGNATURE, start + sizeBytes)
  let at = bytes.indexOf(SIGNATURE, start)
  while (at >= 0 && !endsAt(bytes, start, at)) at = bytes.indexOf(SIGNATURE, at + SIGNATURE.length)
  return at
}

/** Whether a descriptor of the bytes from `start` ends at `end` (4.3.9), with or without signature and ZIP64. */
function endsAt(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < 12) return false
  const size = bytes.readUInt32LE(end - 8)
  if (size === end - 12 - start || size === end - 16 - start) return true
  if (end - start < 20) return false
  const long = Number(bytes.readBigUInt64LE(end - 16))
  return long === end - 20 - start || long === end - 24 - start
}

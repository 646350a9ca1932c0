import { extensionOfType } from './media-types.ts'

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

/** What a sniffer says of a ZIP of which it does not see enough: nothing, or Office without a word on macros. */
export const vagueZipTypes: ReadonlySet<string> = new Set([
  'application/zip',
  ...packages.map(([, plain]) => plain),
])

/**
 * The type of a ZIP whose head may not reach the entry that says it: by the names of the entries that are in the head.
 * @param found one of `vagueZipTypes`, which stays if these show nothing else
 */
export function zipType(head: Uint8Array, found: string): string {
  const names = entryNames(head)
  return statedType(head) ?? packageType(names) ?? knownEntryType(names) ?? found
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

/** What a first entry `mimetype`, not packed, says (OpenDocument 1.3, part 2, 3.3), if it is a type of documents. */
function statedType(head: Uint8Array): string | undefined {
  const { compression, sizeBytes, name, content } = firstEntry(head)
  if (name !== 'mimetype' || compression !== 0) return undefined
  const type = content.toString('latin1', 0, sizeBytes).trim().toLowerCase()
  return type.startsWith('application/') && extensionOfType(type) !== undefined ? type : undefined
}

function firstEntry(head: Uint8Array) {
  const bytes = Buffer.alloc(512)
  bytes.set(head.subarray(0, bytes.length))
  const nameEnd = 30 + bytes.readUInt16LE(26)
  return {
    compression: bytes.readUInt16LE(8),
    sizeBytes: bytes.readUInt32LE(18),
    name: bytes.toString('latin1', 30, nameEnd),
    content: bytes.subarray(nameEnd + bytes.readUInt16LE(28)),
  }
}

/** Where the length of the name and the name are, from the signature of an entry on (APPNOTE.TXT, 4.3.7 and 4.3.12). */
const headers = [
  { signature: Buffer.from('PK\u0003\u0004', 'latin1'), lengthAt: 26, nameAt: 30 },
  { signature: Buffer.from('PK\u0001\u0002', 'latin1'), lengthAt: 28, nameAt: 46 },
] as const

const MAX_NAMES = 1000
const MAX_NAME_BYTES = 100

/** Names of the entries whose headers are in the head, both in front of their bytes and in the directory at the end. */
function entryNames(head: Uint8Array): string[] {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length)
  const names: string[] = []
  for (const { signature, lengthAt, nameAt } of headers) {
    for (let at = bytes.indexOf(signature); at >= 0; at = bytes.indexOf(signature, at + 4)) {
      if (at + nameAt > bytes.length || names.length === MAX_NAMES) break
      const length = Math.min(MAX_NAME_BYTES, bytes.readUInt16LE(at + lengthAt))
      names.push(bytes.toString('latin1', at + nameAt, at + nameAt + length))
    }
  }
  return names
}

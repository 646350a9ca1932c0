import { extensionOfType } from './media-types.ts'
import { type ZipEntry, zipEntries } from './zip-entries.ts'

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
  const entries = [...zipEntries(head)]
  const names = entries.map(({ name }) => name)
  return statedType(head, entries[0]) ?? packageType(names) ?? knownEntryType(names) ?? found
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
function statedType(head: Uint8Array, first: ZipEntry | undefined): string | undefined {
  if (first?.name !== 'mimetype' || !first.isStored || first.sizeBytes === undefined) return undefined
  const end = first.start + Math.min(first.sizeBytes, MAX_TYPE_BYTES)
  const type = Buffer.from(head.subarray(first.start, end)).toString('latin1').trim().toLowerCase()
  return type.startsWith('application/') && extensionOfType(type) !== undefined ? type : undefined
}

// Office before 2007 wrote compound files (MS-CFB). Their directory tells the type.

const ENTRY_BYTES = 128
/** Offsets in an entry (MS-CFB, 2.6.1). */
const [NAME_BYTES_AT, KIND_AT, LEFT_AT, RIGHT_AT, CHILD_AT, CLASS_AT] = [64, 66, 68, 72, 76, 80]
const ROOT = 5

/** The class of the root (MS-CFB, 2.6.1), as it is written. */
const classes: ReadonlyMap<string, string> = new Map([
  ['0609020000000000c000000000000046', 'application/msword'],
  ['0009020000000000c000000000000046', 'application/msword'],
  ['2008020000000000c000000000000046', 'application/vnd.ms-excel'],
  ['1008020000000000c000000000000046', 'application/vnd.ms-excel'],
  ['108d81649b4fcf1186ea00aa00b929e8', 'application/vnd.ms-powerpoint'],
  ['0b0d020000000000c000000000000046', 'application/vnd.ms-outlook'],
  ['141a020000000000c000000000000046', 'application/vnd.visio'],
  ['0112020000000000c000000000000046', 'application/x-mspublisher'],
  ['3a8fb774c8c8d111be1100c04fb6faf1', 'application/vnd.ms-project'],
  ['84100c0000000000c000000000000046', 'application/x-msi'],
])

/** Streams and storages right below the root that only files of one type have. */
const marks: readonly (readonly [RegExp, string])[] = [
  [/^WordDocument$/, 'application/msword'],
  [/^(Workbook|Book)$/, 'application/vnd.ms-excel'],
  [/^PowerPoint Document$/, 'application/vnd.ms-powerpoint'],
  [/^__(properties|nameid|recip|substg1)/, 'application/vnd.ms-outlook'],
  [/^VisioDocument$/, 'application/vnd.visio'],
  [/^Quill$/, 'application/x-mspublisher'],
  [/^MatOST$/, 'application/vnd.ms-works'],
  [/^(BodyText|HwpSummaryInformation)$/, 'application/x-hwp'],
]

/** The first bytes of the first stream, for files whose directory is lost: a FIB of Word (MS-DOC), a BOF of Excel (MS-XLS). */
const firstStreams: ReadonlyMap<string, string> = new Map([
  ['eca5', 'application/msword'],
  ['0908', 'application/vnd.ms-excel'],
])

/**
 * The type of a compound file, or undefined if neither its directory nor its first stream shows one.
 * @param directory as far as it is known
 */
export function compoundType(head: Uint8Array, directory: Uint8Array = new Uint8Array()): string | undefined {
  const bytes = Buffer.from(directory.buffer, directory.byteOffset, directory.length)
  const entries: Buffer[] = []
  for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES)
    entries.push(bytes.subarray(at, at + ENTRY_BYTES))
  const root = entries[0]?.[KIND_AT] === ROOT ? entries[0] : undefined
  const type =
    root && (classes.get(root.toString('hex', CLASS_AT, CLASS_AT + 16)) ?? markedType(entries, root))
  return type ?? firstStreams.get(Buffer.from(head.subarray(512, 514)).toString('hex'))
}

/** Looks at the entries right below the root, a tree of siblings: a storage further down is an embedded file. */
function markedType(entries: readonly Buffer[], root: Buffer): string | undefined {
  const open = [root.readUInt32LE(CHILD_AT)]
  const seen = new Set<Buffer>()
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    const entry = entries[index]
    // An entry of a later sector, or one that leads back.
    if (entry === undefined || seen.has(entry)) continue
    seen.add(entry)
    const nameBytes = Math.min(64, Math.max(2, entry.readUInt16LE(NAME_BYTES_AT)))
    const name = entry.toString('utf16le', 0, nameBytes - 2)
    const mark = marks.find(([pattern]) => pattern.test(name))
    if (mark !== undefined) return mark[1]
    open.push(entry.readUInt32LE(LEFT_AT), entry.readUInt32LE(RIGHT_AT))
  }
  return undefined
}

// Compound files hold what Office wrote before 2007 (MS-CFB). Their directory tells what they are.

const ENTRY_BYTES = 128
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

/** How the first stream begins where the directory is lost: with a FIB of Word (MS-DOC), or a BOF of Excel (MS-XLS). */
const firstStreams: readonly (readonly [string, string])[] = [
  ['eca5', 'application/msword'],
  ['0908', 'application/vnd.ms-excel'],
]

/**
 * The type of a compound file, or undefined if neither its directory nor its first stream shows one.
 * @param directory as far as it is known, see `HeadCapture`
 */
export function compoundType(head: Uint8Array, directory: Uint8Array = new Uint8Array()): string | undefined {
  const entries = entriesOf(directory)
  const root = entries[0]
  if (root?.kind !== ROOT) return firstStreamType(head)
  return classes.get(root.classId) ?? markedType(entries, root.child) ?? firstStreamType(head)
}

interface Entry {
  readonly name: string
  readonly kind: number
  readonly left: number
  readonly right: number
  readonly child: number
  readonly classId: string
}

function entriesOf(directory: Uint8Array): Entry[] {
  const bytes = viewOf(directory)
  const entries: Entry[] = []
  for (let at = 0; at + ENTRY_BYTES <= directory.length; at += ENTRY_BYTES) {
    const nameBytes = Math.min(64, Math.max(2, bytes.getUint16(at + 64, true)))
    entries.push({
      name: Buffer.from(directory.subarray(at, at + nameBytes - 2)).toString('utf16le'),
      kind: bytes.getUint8(at + 66),
      left: bytes.getUint32(at + 68, true),
      right: bytes.getUint32(at + 72, true),
      child: bytes.getUint32(at + 76, true),
      classId: Buffer.from(directory.subarray(at + 80, at + 96)).toString('hex'),
    })
  }
  return entries
}

/** By the entries right below the root, which are a tree of siblings: what is embedded deeper says nothing. */
function markedType(entries: readonly Entry[], child: number): string | undefined {
  const open = [child]
  const seen = new Set<Entry>()
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    const entry = entries[index]
    // What is in a sector behind, or leads back.
    if (entry === undefined || seen.has(entry)) continue
    seen.add(entry)
    const mark = marks.find(([name]) => name.test(entry.name))
    if (mark !== undefined) return mark[1]
    open.push(entry.left, entry.right)
  }
  return undefined
}

function firstStreamType(head: Uint8Array): string | undefined {
  const start = Buffer.from(head.subarray(512, 514)).toString('hex')
  return firstStreams.find(([mark]) => mark === start)?.[1]
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length)
}

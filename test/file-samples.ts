import { crc32, deflateRawSync, gzipSync } from 'node:zlib'

// Beginnings of files as programs write them, as much as tells one format from another.

/** Bytes as a string of code points up to U+00FF. */
export function raw(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

export interface ZipEntry {
  readonly name: string
  readonly content: string | Buffer
  readonly packed?: boolean
  /** Where its size is told: in front of its bytes, there in a field of ZIP64, or behind them, signed as such or not. */
  readonly size?: 'in front' | 'zip64' | 'behind' | 'behind, unsigned'
}

/** A whole ZIP, with its directory at the end. */
export function zipOf(...entries: readonly ZipEntry[]): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const { name, content, packed = false, size = 'in front' } of entries) {
    const plain = Buffer.from(content)
    const bytes = packed ? deflateRawSync(plain) : plain
    const about = Buffer.alloc(26)
    about.writeUInt16LE(20, 0)
    about.writeUInt16LE(packed ? 8 : 0, 4)
    about.writeUInt32LE(crc32(plain), 10)
    about.writeUInt32LE(bytes.length, 14)
    about.writeUInt32LE(plain.length, 18)
    about.writeUInt16LE(Buffer.byteLength(name), 22)
    const place = Buffer.alloc(14)
    place.writeUInt32LE(at, 10)
    const local = Buffer.concat([...localHeader(about, name, size), bytes, ...descriptorOf(about, size)])
    parts.push(local)
    directory.push(raw('PK\x01\x02\x14\x00'), about, place, Buffer.from(name))
    at += local.length
  }
  const listed = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(listed.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...parts, listed, end])
}

/** Up to the bytes; `about` has both sizes. */
function localHeader(about: Buffer, name: string, size: ZipEntry['size']): Buffer[] {
  const own = Buffer.from(about)
  const extra = Buffer.alloc(size === 'zip64' ? 20 : 0)
  if (size === 'zip64') {
    extra.set([1, 0, 16])
    extra.writeUInt32LE(about.readUInt32LE(18), 4)
    extra.writeUInt32LE(about.readUInt32LE(14), 12)
    own.fill(0xff, 14, 22)
    own.writeUInt16LE(extra.length, 24)
  } else if (size !== 'in front') {
    own.writeUInt16LE(8, 2)
    own.fill(0, 10, 22)
  }
  return [raw('PK\x03\x04'), own, Buffer.from(name), extra]
}

function descriptorOf(about: Buffer, size: ZipEntry['size']): Buffer[] {
  if (size === 'in front' || size === 'zip64') return []
  return [size === 'behind' ? raw('PK\x07\x08') : raw(''), about.subarray(10, 22)]
}

const OFFICE = 'application/vnd.openxmlformats-officedocument'
export const WORD = `${OFFICE}.wordprocessingml.document`
export const SHEET = `${OFFICE}.spreadsheetml.sheet`
export const SLIDES = `${OFFICE}.presentationml.presentation`

function contentTypes(type: string): ZipEntry {
  const content = `<?xml version="1.0"?><Types><Override PartName="/x" ContentType="${type}.main+xml"/></Types>`
  return { name: '[Content_Types].xml', content, packed: true }
}

/** A document as Office saves it: what it is comes first. */
export function officeOf(type: string, main: string): Buffer {
  return zipOf(
    contentTypes(type),
    { name: '_rels/.rels', content: '<x/>' },
    { name: main, content: '<x/>', packed: true },
  )
}

/** A workbook as openpyxl saves it: what it is comes last. `sheet` is what it holds, already packed. */
export function workbookOf(sheet: Buffer): Buffer {
  const xml = (name: string): ZipEntry => ({
    name,
    content: `<?xml version="1.0"?><${name} />`.repeat(9),
    packed: true,
  })
  return zipOf(
    xml('docProps/app.xml'),
    xml('docProps/core.xml'),
    xml('xl/theme/theme1.xml'),
    { name: 'xl/worksheets/sheet1.xml', content: sheet },
    xml('xl/styles.xml'),
    xml('_rels/.rels'),
    xml('xl/workbook.xml'),
    xml('xl/_rels/workbook.xml.rels'),
    contentTypes(SHEET),
  )
}

/** A document that names its type in a first entry: OpenDocument, EPUB. */
export function statedOf(type: string): Buffer {
  return zipOf({ name: 'mimetype', content: type }, { name: 'content.xml', content: '<x/>', packed: true })
}

const SECTOR = 512
const END = 0xffff_fffe
const FREE = 0xffff_ffff

export interface CompoundOptions {
  /** Bytes of the first stream, and by that how far behind the directory lies. */
  readonly sizeBytes?: number
  /** The class of the root, as it is written, in hex. */
  readonly classId?: string
  /** Streams of an object that is embedded. */
  readonly embedded?: readonly string[]
  /** How the first stream begins. */
  readonly start?: Buffer
}

/** A compound file (MS-CFB), version 3, with its directory at the end as Word and Excel write it. */
export function compoundOf(
  streams: readonly string[],
  { sizeBytes = 4096, classId = '', embedded = [], start = Buffer.alloc(0) }: CompoundOptions = {},
): Buffer {
  const data = Math.ceil(sizeBytes / SECTOR)
  const fats = Math.ceil((data + 40) / 128)
  const pool = embedded.length > 0 ? ['ObjectPool'] : []
  const names = ['Root Entry', ...streams, ...pool, ...embedded]
  const directorySectors = Math.ceil(names.length / 4)
  const header = Buffer.alloc(SECTOR, 0)
  header.write('d0cf11e0a1b11ae1', 'hex')
  header.set([0x3e, 0, 3, 0, 0xfe, 0xff, 9, 0, 6, 0], 24)
  header.writeUInt32LE(fats, 44)
  header.writeUInt32LE(fats + data, 48)
  header.writeUInt32LE(4096, 56)
  header.writeUInt32LE(END, 60)
  header.writeUInt32LE(END, 68)
  for (let index = 0; index < 109; index++) header.writeUInt32LE(index < fats ? index : FREE, 76 + index * 4)
  const fat = Buffer.alloc(fats * SECTOR, 0xff)
  for (let index = 0; index < fats; index++) fat.writeUInt32LE(0xffff_fffd, index * 4)
  const chain = (first: number, count: number) => {
    for (let index = first; index < first + count; index++)
      fat.writeUInt32LE(index === first + count - 1 ? END : index + 1, index * 4)
  }
  chain(fats, data)
  chain(fats + data, directorySectors)
  const body = Buffer.alloc(data * SECTOR)
  start.copy(body)
  const directory = Buffer.alloc(directorySectors * SECTOR)
  const own = streams.length + pool.length
  names.forEach((name, index) => {
    const entry = directory.subarray(index * 128, (index + 1) * 128)
    entry.write(name, 'utf16le')
    entry.writeUInt16LE((name.length + 1) * 2, 64)
    const isPool = pool.length > 0 && index === own
    entry[66] = index === 0 ? 5 : isPool ? 1 : 2
    entry[67] = 1
    entry.fill(0xff, 68, 80)
    // Each entry is the right neighbour of the one before.
    if (index > 0 && index !== own && index < names.length - 1) entry.writeUInt32LE(index + 1, 72)
    if (index === 0 && own > 0) entry.writeUInt32LE(1, 76)
    if (index === 0) entry.write(classId, 80, 'hex')
    if (isPool) entry.writeUInt32LE(index + 1, 76)
    entry.writeUInt32LE(index === 1 ? fats : END, 116)
    entry.writeUInt32LE(index === 1 ? sizeBytes : 0, 120)
  })
  return Buffer.concat([header, fat, body, directory])
}

/** A text in an encoding that only browsers write nowadays, single bytes or pairs of them. */
export function encoded(text: string, encoding: string): Buffer {
  const decoder = new TextDecoder(encoding)
  const bytesOf = new Map<string, number[]>()
  for (let byte = 0; byte < 256; byte++) {
    const character = decoder.decode(Buffer.of(byte))
    if (character.length === 1 && character !== '\ufffd') bytesOf.set(character, [byte])
  }
  const missing = [...text].some((character) => !bytesOf.has(character))
  for (let lead = 0x81; missing && lead < 0xff; lead++) {
    for (let trail = 0x40; trail < 0xff; trail++) {
      const character = decoder.decode(Buffer.of(lead, trail))
      if ([...character].length === 1 && !bytesOf.has(character)) bytesOf.set(character, [lead, trail])
    }
  }
  return Buffer.from([...text].flatMap((character) => bytesOf.get(character) ?? [0x3f]))
}

function box(type: string, content: string): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(content.length + 8)
  return Buffer.concat([head, raw(type + content)])
}

function ftyp(brand: string): Buffer {
  return Buffer.concat([box('ftyp', `${brand}\0\0\0\0${brand}`), box('mdat', '\0'.repeat(16))])
}

function riff(form: string): Buffer {
  return raw(`RIFF\x24\0\0\0${form}${'\0'.repeat(28)}`)
}

function ogg(start: string): Buffer {
  return raw(`OggS\0\x02${'\0'.repeat(20)}\x01\x1e${start}${'\0'.repeat(32)}`)
}

function ebml(type: string): Buffer {
  return Buffer.concat([
    Buffer.from('1a45dfa3', 'hex'),
    Buffer.of(0x80 + 3 + type.length, 0x42, 0x82, 0x80 + type.length),
    raw(`${type}\0\0\0\0`),
  ])
}

function asf(streamType: string): Buffer {
  const header = Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex')
  const stream = Buffer.from('9107dcb7b7a9cf118ee600c00c205365', 'hex')
  const size = Buffer.alloc(8)
  size.writeUInt32LE(78)
  return Buffer.concat([
    header,
    Buffer.alloc(14),
    stream,
    size,
    Buffer.from(streamType, 'hex'),
    Buffer.alloc(64),
  ])
}

function tar(): Buffer {
  const block = Buffer.alloc(1024)
  block.write('a.txt')
  block.write('ustar\x0000', 257, 'latin1')
  return block
}

function iso(): Buffer {
  const image = Buffer.alloc(34_816)
  image.write('\x01CD001\x01', 32_768, 'latin1')
  return image
}

export const transportStream = Buffer.concat(
  Array.from({ length: 4 }, () =>
    Buffer.concat([Buffer.of(0x47, 0x40, 0x11, 0x10), Buffer.alloc(184, 0xff)]),
  ),
)

export const wordFile = () => compoundOf(['WordDocument', '1Table', '\u0005SummaryInformation'])

/** Content by a short name, with the type that it shows: what Yandex keeps if it is told none. */
export const samples = {
  empty: [Buffer.alloc(0), 'application/octet-stream'],
  bytes: [Buffer.from('00ff10ee20dd', 'hex'), 'application/octet-stream'],
  text: ['Text, of two\nlines.\n', 'text/plain'],
  cyrillic: ['Привет, мир.\n', 'text/plain'],
  cp1251: [encoded('Привет, мир: ёлка №5.\r\n', 'windows-1251'), 'text/plain'],
  latin1: [raw('Caf\xe9 cr\xe8me, gr\xfc\xdfe\r\n'), 'text/plain'],
  gb18030: [encoded('新建文本文档，你好。\r\n', 'gb18030'), 'text/plain'],
  shiftJis: [encoded('こんにちは、世界。\r\n', 'shift_jis'), 'text/plain'],
  utf16: [Buffer.from('\ufeffid;name\r\n', 'utf16le'), 'text/plain'],
  html: ['<!DOCTYPE html>\n<title>x</title>', 'text/html'],
  xml: ['<?xml version="1.0"?>\n<a/>', 'application/xml'],
  svg: ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'image/svg+xml'],
  pdf: [raw('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n'), 'application/pdf'],
  pdfBehindBlanks: [raw('\r\n  %PDF-1.4\n%\xe2\xe3\xcf\xd3\n'), 'application/pdf'],
  rtf: ['{\\rtf1\\ansi text}', 'application/rtf'],
  docx: [officeOf(WORD, 'word/document.xml'), WORD],
  xlsx: [workbookOf(Buffer.from('<x/>')), SHEET],
  pptx: [officeOf(SLIDES, 'ppt/presentation.xml'), SLIDES],
  odt: [statedOf('application/vnd.oasis.opendocument.text'), 'application/vnd.oasis.opendocument.text'],
  ods: [
    statedOf('application/vnd.oasis.opendocument.spreadsheet'),
    'application/vnd.oasis.opendocument.spreadsheet',
  ],
  odp: [
    statedOf('application/vnd.oasis.opendocument.presentation'),
    'application/vnd.oasis.opendocument.presentation',
  ],
  epub: [statedOf('application/epub+zip'), 'application/epub+zip'],
  hwpx: [statedOf('application/hwp+zip'), 'application/hwp+zip'],
  doc: [wordFile(), 'application/msword'],
  xls: [compoundOf(['Workbook']), 'application/vnd.ms-excel'],
  ppt: [compoundOf(['Current User', 'PowerPoint Document']), 'application/vnd.ms-powerpoint'],
  msg: [compoundOf(['__nameid_version1.0', '__properties_version1.0']), 'application/vnd.ms-outlook'],
  vsd: [compoundOf(['VisioDocument']), 'application/vnd.visio'],
  pub: [compoundOf(['Contents', 'Quill']), 'application/x-mspublisher'],
  mpp: [
    compoundOf(['Props14'], { classId: '3a8fb774c8c8d111be1100c04fb6faf1' }),
    'application/vnd.ms-project',
  ],
  msi: [compoundOf(['x'], { classId: '84100c0000000000c000000000000046' }), 'application/x-msi'],
  hwp: [compoundOf(['FileHeader', 'DocInfo', 'BodyText']), 'application/x-hwp'],
  compound: [compoundOf(['Unheard Of']), 'application/x-cfb'],
  ps: ['%!PS-Adobe-3.0\n', 'application/postscript'],
  mobi: [raw(`${'x'.repeat(57)}\0\0\0BOOKMOBI\0\0\0\0`), 'application/x-mobipocket-ebook'],
  jpg: [Buffer.from('ffd8ffe000104a46494600', 'hex'), 'image/jpeg'],
  png: [Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), 'image/png'],
  gif: ['GIF89a\x01\0\x01\0', 'image/gif'],
  bmp: [`BM\x46${'\0'.repeat(23)}`, 'image/bmp'],
  webp: [riff('WEBPVP8 '), 'image/webp'],
  tif: [raw('II*\0\x08\0\0\0\0\0\0\0\0\0'), 'image/tiff'],
  heic: [ftyp('heic'), 'image/heic'],
  avif: [ftyp('avif'), 'image/avif'],
  ico: [raw('\0\0\x01\0\x01\0\x10\x10\0\0'), 'image/vnd.microsoft.icon'],
  psd: [raw('8BPS\0\x01\0\0'), 'image/vnd.adobe.photoshop'],
  jp2: [
    Buffer.concat([Buffer.from('0000000c6a5020200d0a870a', 'hex'), raw('\0\0\0\x14ftypjp2 ')]),
    'image/jp2',
  ],
  cr2: [raw('II*\0\x10\0\0\0CR\x02\0\0\0\0\0'), 'image/x-canon-cr2'],
  mp3: [Buffer.concat([Buffer.from('fffb9000', 'hex'), Buffer.alloc(413)]), 'audio/mpeg'],
  id3: [raw('ID3\x03\0\0\0\0\x7f\x7f\0\0'), 'audio/mpeg'],
  aac: [Buffer.from('fff15080001ffc', 'hex'), 'audio/aac'],
  m4a: [ftyp('M4A '), 'audio/mp4'],
  wav: [riff('WAVEfmt '), 'audio/wav'],
  flac: [raw('fLaC\0\0\0\x22'), 'audio/flac'],
  oggVorbis: [ogg('\x01vorbis'), 'audio/ogg'],
  opus: [ogg('OpusHead'), 'audio/ogg'],
  aiff: [raw('FORM\0\0\0\x20AIFF'), 'audio/aiff'],
  wma: [asf('409e69f84d5bcf11a8fd00805f5c442b'), 'audio/x-ms-asf'],
  amr: ['#!AMR\n\x3c\0', 'audio/amr'],
  mid: ['MThd\0\0\0\x06', 'audio/midi'],
  mp4: [ftyp('isom'), 'video/mp4'],
  mov: [ftyp('qt  '), 'video/quicktime'],
  mkv: [ebml('matroska'), 'video/matroska'],
  webm: [ebml('webm'), 'video/webm'],
  avi: [riff('AVI LIST'), 'video/vnd.avi'],
  wmv: [asf('c0ef19bc4d5bcf11a8fd00805f5c442b'), 'video/x-ms-asf'],
  flv: ['FLV\x01\x05\0\0\0\x09', 'video/x-flv'],
  mpg: [Buffer.from('000001ba44000400', 'hex'), 'video/mpeg'],
  '3gp': [ftyp('3gp4'), 'video/3gpp'],
  ogv: [ogg('\x80theora'), 'video/ogg'],
  mpegTs: [transportStream, 'video/mp2t'],
  zip: [zipOf({ name: 'a.txt', content: 'text' }), 'application/zip'],
  jar: [zipOf({ name: 'META-INF/MANIFEST.MF', content: 'x' }), 'application/java-archive'],
  apk: [zipOf({ name: 'AndroidManifest.xml', content: 'x' }), 'application/vnd.android.package-archive'],
  kmz: [zipOf({ name: 'doc.kml', content: '<kml/>' }), 'application/vnd.google-earth.kmz'],
  tar: [tar(), 'application/x-tar'],
  gz: [gzipSync('text'), 'application/gzip'],
  bz2: ['BZh91AY&SY\0', 'application/x-bzip2'],
  xz: [Buffer.from('fd377a585a000004', 'hex'), 'application/x-xz'],
  zst: [Buffer.from('28b52ffd04002100', 'hex'), 'application/zstd'],
  '7z': [Buffer.from('377abcaf271c0004', 'hex'), 'application/x-7z-compressed'],
  rar: [raw('Rar!\x1a\x07\x01\0'), 'application/vnd.rar'],
  lz4: [Buffer.from('04224d1864407000', 'hex'), 'application/x-lz4'],
  iso: [iso(), 'application/x-iso9660-image'],
  deb: ['!<arch>\ndebian-binary   1\0', 'application/vnd.debian.binary-package'],
  rpm: [Buffer.from('edabeedb03000000', 'hex'), 'application/x-rpm'],
  exe: [raw(`MZ\x90\0\x03${'\0'.repeat(59)}`), 'application/vnd.microsoft.portable-executable'],
  elf: [raw('\x7fELF\x02\x01\x01\0'), 'application/x-elf'],
  wasm: [raw('\0asm\x01\0\0\0'), 'application/wasm'],
  class: [Buffer.from('cafebabe00000041', 'hex'), 'application/java-vm'],
  parquet: [raw('PAR1\x15\x04\x15\0'), 'application/vnd.apache.parquet'],
  avro: [raw('Obj\x01\x04\x16avro.schema'), 'application/avro'],
  arrow: [raw('ARROW1\0\0\xff\xff\xff\xff'), 'application/vnd.apache.arrow.file'],
  sqlite: [raw('SQLite format 3\0\x10\0'), 'application/vnd.sqlite3'],
  hdf5: [raw('\x89HDF\r\n\x1a\n\0\0'), 'application/octet-stream'],
  woff2: [raw('wOF2\0\x01\0\0'), 'font/woff2'],
  ttf: [Buffer.from('000100000011010000040010', 'hex'), 'font/ttf'],
  pcap: [Buffer.from('d4c3b2a102000400', 'hex'), 'application/vnd.tcpdump.pcap'],
  dwg: [raw('AC1032\0\0'), 'image/vnd.dwg'],
  glb: [raw('glTF\x02\0\0\0'), 'model/gltf-binary'],
  dcm: [raw(`${'\0'.repeat(128)}DICM\x02\0`), 'application/dicom'],
  vcf: ['BEGIN:VCARD\r\nVERSION:3.0\r\n', 'text/vcard'],
  ics: ['BEGIN:VCALENDAR\r\nVERSION:2.0\r\n', 'text/calendar'],
  vtt: ['WEBVTT\n\n00:00.000 --> 00:01.000\n', 'text/vtt'],
  pem: ['-----BEGIN PRIVATE KEY-----\nMIIE\n', 'text/plain'],
} as const satisfies Readonly<Record<string, readonly [content: string | Buffer, shown: string]>>

export type SampleName = keyof typeof samples

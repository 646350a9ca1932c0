import { Mime } from 'mime'
import otherTypes from 'mime/types/other.js'
import standardTypes from 'mime/types/standard.js'

export const UNKNOWN_TYPE = 'application/octet-stream'

/**
 * What the tables of `mime` lack or see otherwise. The first extension is the one that people use for the type; a starred one
 * names another type by itself. Where tools differ on a type, the one that IANA registers wins, then the most common.
 */
const asInUse: Readonly<Record<string, string[]>> = {
  // Documents
  'application/pdf': ['pdf'],
  'application/x-pdf': ['*pdf'],
  'application/acrobat': ['*pdf'],
  'application/postscript': ['ps', 'eps', 'ai'],
  'application/onenote': ['one'],
  'application/vnd.ms-outlook': ['msg'],
  'application/vnd.ms-outlook-pst': ['pst'],
  'application/vnd.ms-project': ['mpp', 'mpt'],
  'application/vnd.ms-visio.drawing': ['vsdx'],
  'application/vnd.visio': ['vsd', 'vst', 'vss', 'vsw'],
  'application/vnd.amazon.mobi8-ebook': ['azw3'],
  'application/x-mobipocket-ebook': ['mobi', 'prc'],
  'application/x-fictionbook+xml': ['fb2'],
  'application/vnd.comicbook+zip': ['cbz'],
  'application/vnd.comicbook-rar': ['cbr'],
  'application/x-hwp': ['hwp'],
  'application/hwp+zip': ['hwpx'],
  'application/x-latex': ['latex'],
  'application/x-ole-storage': [],
  'text/rtf': ['*rtf'],
  'text/vcard': ['vcf', 'vcard'],
  'text/x-vcard': ['*vcf'],
  // Text and data
  'text/plain': ['txt', 'text', 'log', 'ini', 'cfg', 'conf', 'env', 'properties', 'def', 'list', 'in', 'dic'],
  'text/tab-separated-values': ['tsv', 'tab'],
  'application/csv': ['*csv'],
  'text/x-csv': ['*csv'],
  'text/x-markdown': ['*md'],
  'application/yaml': ['yaml', 'yml'],
  'application/x-yaml': ['*yaml'],
  'text/yaml': ['*yaml'],
  'text/x-yaml': ['*yaml'],
  'text/json': ['*json'],
  'application/jsonl': ['jsonl'],
  'application/x-jsonlines': ['*jsonl'],
  'application/x-ndjson': ['ndjson'],
  'application/vnd.apache.parquet': ['parquet'],
  'application/x-parquet': ['*parquet'],
  'application/vnd.apache.arrow.file': ['arrow', 'feather'],
  'application/vnd.apache.arrow.stream': ['arrows'],
  'application/vnd.apache.orc': ['orc'],
  'application/avro': ['avro'],
  'application/vnd.sqlite3': ['sqlite', 'sqlite3'],
  'application/x-sqlite3': ['*sqlite'],
  'application/x-hdf5': ['h5', 'hdf5'],
  'application/x-matlab-data': ['mat'],
  'application/x-spss-sav': ['sav'],
  'application/x-stata-dta': ['dta'],
  'application/x-sas-data': ['sas7bdat'],
  'application/x-jmp-data': ['jmp'],
  'application/x-esri-shape': ['shp'],
  'application/x-ms-regedit': ['reg'],
  'application/x-x509-ca-cert': ['crt', 'der'],
  'application/x-pem-file': ['pem'],
  'application/pgp-encrypted': ['pgp', 'gpg'],
  'application/x-ms-shortcut': ['lnk'],
  'text/x-bibtex': ['bib'],
  'text/x-rst': ['rst'],
  'text/asciidoc': ['adoc', 'asciidoc'],
  'text/x-org': ['org'],
  'text/srt': ['*srt'],
  // Source code
  'application/typescript': ['ts', 'tsx', 'mts', 'cts'],
  'text/typescript': ['*ts'],
  'text/x-typescript': ['*ts'],
  'text/javascript': ['js', 'mjs', 'cjs'],
  'application/x-javascript': ['*js'],
  'text/x-python': ['py', 'pyw', 'pyi'],
  'text/x-script.python': ['*py'],
  'application/x-python-code': ['pyc'],
  'text/x-go': ['go'],
  'text/x-rust': ['rs'],
  'text/x-csharp': ['cs'],
  'text/x-ruby': ['rb'],
  'text/x-java-source': ['java'],
  'text/x-java': ['*java'],
  'text/x-kotlin': ['kt', 'kts'],
  'text/x-swift': ['swift'],
  'text/x-scala': ['scala'],
  'text/x-r': ['r'],
  'text/x-vue': ['vue'],
  'text/x-protobuf': ['proto'],
  'application/x-sh': ['sh', 'bash', 'zsh'],
  'application/x-powershell': ['ps1', 'psm1'],
  'application/x-bat': ['bat', 'cmd'],
  // Images
  'image/jpeg': ['jpg', 'jpeg', 'jpe', 'jfif'],
  'image/jpg': ['*jpg'],
  'image/pjpeg': ['*jpg'],
  'image/x-png': ['*png'],
  'image/svg': ['*svg'],
  'image/vnd.microsoft.icon': ['ico'],
  'image/icns': ['icns'],
  'image/x-canon-cr2': ['cr2'],
  'image/x-canon-cr3': ['cr3'],
  'image/x-nikon-nef': ['nef'],
  'image/x-sony-arw': ['arw'],
  'image/x-olympus-orf': ['orf'],
  'image/x-panasonic-rw2': ['rw2'],
  'image/x-fujifilm-raf': ['raf'],
  'image/x-xcf': ['xcf'],
  'application/x-indesign': ['indd'],
  'image/flif': ['flif'],
  'image/bpg': ['bpg'],
  'image/j2c': ['j2c'],
  'image/mj2': ['mj2'],
  'application/vnd.sketchup.skp': ['skp'],
  'application/x-ft-fbx': ['fbx'],
  'application/x-ft-draco': ['drc'],
  // Sound
  'audio/mpeg': ['mp3', 'mpga', 'mp2', 'mp2a', 'm2a', 'm3a', 'mp1'],
  'audio/x-mp3': ['*mp3'],
  'audio/x-mpeg': ['*mp3'],
  'audio/aac': ['aac', 'adts'],
  'audio/ogg': ['ogg', 'oga', 'spx', 'opus'],
  'application/ogg': ['*ogg'],
  'audio/opus': ['*opus'],
  'audio/flac': ['flac'],
  'audio/x-flac': ['*flac'],
  'audio/aiff': ['aiff', 'aif', 'aifc'],
  'audio/x-aiff': ['*aiff'],
  'audio/vnd.wave': ['*wav'],
  'audio/m4a': ['*m4a'],
  'audio/matroska': ['mka'],
  'audio/x-matroska': ['*mka'],
  'audio/x-ms-asf': ['*wma'],
  'audio/ac3': ['ac3'],
  'audio/ape': ['ape'],
  'audio/wavpack': ['wv'],
  'audio/qcelp': ['qcp'],
  'audio/x-musepack': ['mpc'],
  'audio/x-dsf': ['dsf'],
  'audio/x-dff': ['dff'],
  'audio/x-voc': ['voc'],
  'audio/x-it': ['it'],
  'audio/x-s3m': ['s3m'],
  'audio/x-xm': ['xm'],
  // Video
  'video/quicktime': ['mov', 'qt'],
  'video/mpeg': ['mpg', 'mpeg', 'mpe', 'm1v', 'm2v', 'vob'],
  'video/mp2t': ['*ts', 'm2ts', 'm2t'],
  'video/matroska': ['mkv', 'mk3d'],
  'video/x-matroska': ['*mkv'],
  'video/vnd.avi': ['avi'],
  'video/x-msvideo': ['*avi'],
  'video/avi': ['*avi'],
  'application/vnd.ms-asf': ['*asf'],
  // Archives and programs
  'application/x-zip': ['*zip'],
  'application/gzip': ['gz', 'tgz'],
  'application/x-gzip': ['*gz'],
  'application/x-bzip2': ['bz2', 'tbz2'],
  'application/x-xz': ['xz', 'txz'],
  'application/zstd': ['zst', 'tzst'],
  'application/x-lz4': ['lz4'],
  'application/x-lzip': ['lz'],
  'application/x-compress': ['z'],
  'application/vnd.rar': ['rar'],
  'application/x-rar': ['*rar'],
  'application/x-archive': ['ar'],
  'application/x-rpm': ['rpm'],
  'application/vnd.debian.binary-package': ['deb'],
  'application/x-apple-diskimage': ['dmg'],
  'application/x-iso9660-image': ['iso'],
  'application/x-msi': ['msi'],
  'application/vnd.microsoft.portable-executable': ['exe', 'dll'],
  'application/x-msdownload': ['*exe'],
  'application/x-chrome-extension': ['crx'],
  'application/x-nintendo-nes-rom': ['nes'],
  'application/x-asar': ['asar'],
}

const table = new Mime(standardTypes, otherTypes).define(asInUse, true)

/** The type of an extension without its dot; that of `bin` is `application/octet-stream`. */
export function typeOfExtension(extension: string): string | undefined {
  return table.getType(extension) ?? undefined
}

/** The extension that people use for a type, without its dot; parameters play no part. */
export function extensionOfType(mimeType: string): string | undefined {
  return saysNothing(mimeType) ? undefined : (table.getExtension(mimeType) ?? undefined)
}

/** A MIME type without parameters, in lower case. */
function essenceOf(mimeType: string): string {
  const [type = ''] = mimeType.split(';', 1)
  return type.trim().toLowerCase()
}

/** RFC 6838, 4.2. A range (`image/*`) is none, for what `Accept` takes no file is. */
const TYPE = /^[a-z\d][\w!#$&^.+-]*\/[a-z\d][\w!#$&^.+-]*$/

/**
 * What programs send that know no type: IANA's own word for it, the ones of old mail and web clients, those that tell of a
 * file system's entry, and the types of the forms that carry files.
 */
const NOTHING =
  /^([\w-]+\/(x-)?unknown|inode\/.+|((x-)?application|binary|bin|content|unknown|file)\/(x-)?(octet-?(stream|string)|stream|empty|binary|download(file)?|force-?download|save|file|data|bin|none|null|undefined|unknown(-content-type|-application-octet-stream)?)|multipart\/form-data|application\/x-www-form-urlencoded|application\/mac-?binary)$/

/** Whether a declared type is none: absent, no type by its form, or one of those that clients send for want of a better. */
export function saysNothing(mimeType: string | undefined): boolean {
  const essence = essenceOf(mimeType ?? '')
  return !TYPE.test(essence) || NOTHING.test(essence)
}

/** One request, decoded. */
export interface Ask {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

export interface Reply {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: object | string | Buffer
  /** Which model a client reads the body with. */
  readonly kind?: string
  /** Texts of the answer that later requests repeat, by the name that stands for them, and where each one is. */
  readonly gives?: Record<string, readonly [text: string, place: string]>
}

/** Answers one vendor's clients, well enough that each call of theirs returns. */
export type Vendor = (ask: Ask) => Reply

/** Both are fixed, so that a new recording differs by what the client changed. */
const CREATED_SECONDS = 1_795_000_000
const CREATED_TEXT = '2026-11-18T12:26:40.000000Z'
const CONTENT = Buffer.from('content\n')

/** `{{file1}}`, `{{file2}}` … in the order of the answers. */
function namer(text: (count: number) => string, name: string) {
  let count = 0
  return (place: string) => {
    count++
    return { text: text(count), gives: { [`${name}${count}`]: [text(count), place] as const } }
  }
}

const hexDigits = (count: number) => count.toString(16).padStart(32, '0')

export const openai = (): Vendor => {
  const newFile = namer((count) => `file-${hexDigits(count)}`, 'file')
  const newUpload = namer((count) => `upload_${hexDigits(count)}`, 'upload')
  const newPart = namer((count) => `part_${hexDigits(count)}`, 'part')
  const fileOf = (id: string) => ({
    id,
    object: 'file',
    bytes: 8,
    created_at: CREATED_SECONDS,
    expires_at: null,
    filename: 'notes.txt',
    purpose: 'user_data',
    status: 'processed',
    status_details: null,
  })
  const uploadOf = (id: string, status: string, file: object | null = null) => ({
    id,
    object: 'upload',
    bytes: 8,
    created_at: CREATED_SECONDS,
    expires_at: CREATED_SECONDS + 3600,
    filename: 'notes.txt',
    purpose: 'user_data',
    status,
    file,
  })
  return ({ method, path, query, body: sent }) => {
    const [, noun = '', id = '', verb = ''] =
      /\/(files|uploads)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(path) ?? []
    switch (`${method} ${noun}${id && '/…'}${verb && `/${verb}`}`) {
      case 'POST files': {
        // Some clients drop a Blob without a name.
        if (!sent.includes('name="file"')) return { status: 400, kind: 'error', body: openaiError }
        const { text, gives } = newFile('id')
        // Azure says 201, where the version is in the query.
        const status = query.has('api-version') ? 201 : 200
        return { status, body: fileOf(text), kind: 'file', gives }
      }
      case 'GET files': {
        const { text, gives } = newFile('data.0.id')
        const isLast = query.has('after') || !query.has('limit')
        const body = {
          object: 'list',
          data: [fileOf(text)],
          first_id: text,
          last_id: text,
          has_more: !isLast,
        }
        return { status: 200, body, kind: 'page', gives }
      }
      case 'GET files/…':
        if (id === 'file-missing') return { status: 404, kind: 'error', body: openaiError }
        return { status: 200, body: fileOf(id), kind: 'file' }
      case 'DELETE files/…':
        return { status: 200, body: { id, object: 'file', deleted: true }, kind: 'deleted' }
      case 'GET files/…/content':
        return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: CONTENT }
      case 'POST uploads': {
        const { text, gives } = newUpload('id')
        return { status: 200, body: uploadOf(text, 'pending'), kind: 'upload', gives }
      }
      case 'POST uploads/…/parts': {
        const { text, gives } = newPart('id')
        const body = { id: text, object: 'upload.part', created_at: CREATED_SECONDS, upload_id: id }
        return { status: 200, body, kind: 'part', gives }
      }
      case 'POST uploads/…/complete': {
        const { text, gives } = newFile('file.id')
        return { status: 200, body: uploadOf(id, 'completed', fileOf(text)), kind: 'upload', gives }
      }
      case 'POST uploads/…/cancel':
        return { status: 200, body: uploadOf(id, 'cancelled'), kind: 'upload' }
    }
    throw new Error(`no answer for ${method} ${path}`)
  }
}

const openaiError = {
  error: {
    message: 'No such File object: file-missing',
    type: 'invalid_request_error',
    param: 'id',
    code: null,
  },
}

export const anthropic = (): Vendor => {
  const newFile = namer((count) => `file_${hexDigits(count)}`, 'file')
  const newPage = namer((count) => `page_${hexDigits(count)}`, 'page')
  const fileOf = (id: string, isBeta: boolean) => ({
    type: 'file',
    id,
    filename: 'notes.txt',
    mime_type: 'text/plain',
    size_bytes: 8,
    created_at: CREATED_TEXT,
    downloadable: true,
    ...(isBeta ? {} : { expires_at: null }),
  })
  return ({ method, path, query, headers, body: sent }): Reply => {
    const isBeta = headers.get('anthropic-beta')?.includes('files-api-2025-04-14') === true
    const [, id = '', verb = ''] = /\/v1\/files(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(path) ?? []
    switch (`${method} ${id && '/…'}${verb && `/${verb}`}`) {
      case 'POST ': {
        // Some clients drop a Blob without a name.
        if (!sent.includes('name="file"')) return { status: 400, body: anthropicError, kind: 'error' }
        const { text, gives } = newFile('id')
        return { status: 200, body: fileOf(text, isBeta), kind: 'file', gives }
      }
      case 'GET ': {
        const { text, gives } = newFile('data.0.id')
        const data = [fileOf(text, isBeta)]
        const hasMore = query.has('limit') && !query.has('page') && !query.has('after_id')
        if (isBeta) {
          const body = { data, has_more: hasMore, first_id: text, last_id: text }
          return { status: 200, body, kind: 'betaPage', gives }
        }
        if (!hasMore) return { status: 200, body: { data, next_page: null }, kind: 'page', gives }
        const page = newPage('next_page')
        const body = { data, next_page: page.text }
        return { status: 200, body, kind: 'page', gives: { ...gives, ...page.gives } }
      }
      case 'GET /…': {
        if (id !== 'file_missing') return { status: 200, body: fileOf(id, isBeta), kind: 'file' }
        return { status: 404, body: anthropicError, kind: 'error' }
      }
      case 'DELETE /…':
        return { status: 200, body: { id, type: 'file_deleted' }, kind: 'deleted' }
      case 'GET /…/content':
        return { status: 200, headers: { 'content-type': 'text/plain' }, body: CONTENT }
    }
    throw new Error(`no answer for ${method} ${path}`)
  }
}

const anthropicError = {
  type: 'error',
  error: { type: 'not_found_error', message: 'File `file_missing` not found.' },
  request_id: 'req_1',
}

export const gemini = (url: string): Vendor => {
  const newFile = namer((count) => `files/${hexDigits(count)}`, 'file')
  const newPage = namer((count) => `PAGE${count}==`, 'page')
  const newSession = namer(
    (count) => `/upload/v1beta/files?upload_id=${hexDigits(count)}&upload_protocol=resumable`,
    'session',
  )
  const fileOf = (name: string) => ({
    name,
    displayName: 'notes.txt',
    mimeType: 'text/plain',
    sizeBytes: '8',
    createTime: CREATED_TEXT,
    updateTime: CREATED_TEXT,
    expirationTime: CREATED_TEXT,
    sha256Hash: Buffer.alloc(32).toString('base64'),
    uri: `https://files.example/v1beta/${name}`,
    downloadUri: `https://files.example/v1beta/${name}:download?alt=media`,
    state: 'ACTIVE',
    source: 'UPLOADED',
  })
  const upload = (commands: string, headers: Record<string, string>): Reply => {
    if (!commands.includes('finalize'))
      return { status: 200, headers: { ...headers, 'x-goog-upload-status': 'active' } }
    const { text, gives } = newFile('file.name')
    const status = { ...headers, 'x-goog-upload-status': 'final' }
    return { status: 200, headers: status, body: { file: fileOf(text) }, kind: 'uploaded', gives }
  }
  return ({ method, path, query, headers }) => {
    const commands = headers.get('x-goog-upload-command') ?? ''
    if (method === 'POST' && query.has('upload_id')) return upload(commands, {})
    if (method === 'POST' && path.includes('/upload/')) {
      const { text, gives } = newSession('header:x-goog-upload-url')
      const started = { 'x-goog-upload-url': url + text, 'x-goog-upload-status': 'active' }
      return { status: 200, headers: started, gives }
    }
    const [, name = '', verb = ''] = /\/(files(?:\/[^/:]+)?)(:\w+)?$/.exec(path) ?? []
    switch (`${method} ${name === 'files' ? '' : '…'}${verb}`) {
      case 'GET ': {
        const { text, gives } = newFile('files.0.name')
        const files = [fileOf(text)]
        if (!query.has('pageSize') || query.has('pageToken'))
          return { status: 200, body: { files }, kind: 'page', gives }
        const page = newPage('nextPageToken')
        const body = { files, nextPageToken: page.text }
        return { status: 200, body, kind: 'page', gives: { ...gives, ...page.gives } }
      }
      case 'GET …': {
        if (name !== 'files/missing') return { status: 200, body: fileOf(name), kind: 'file' }
        const message = 'You do not have permission to access the File missing or it may not exist.'
        const body = { error: { code: 403, message, status: 'PERMISSION_DENIED' } }
        return { status: 403, body, kind: 'error' }
      }
      case 'DELETE …':
        return { status: 200, body: {}, kind: 'deleted' }
      case 'GET …:download':
        return { status: 200, headers: { 'content-type': 'text/plain' }, body: CONTENT }
      case 'POST :register': {
        const body = { error: { code: 400, message: 'Not supported.', status: 'INVALID_ARGUMENT' } }
        return { status: 400, body, kind: 'error' }
      }
    }
    throw new Error(`no answer for ${method} ${path}`)
  }
}

export const mistral = (url: string): Vendor => {
  const newFile = namer(
    (count) => hexDigits(count).replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    'file',
  )
  const fileOf = (id: string) => ({
    id,
    object: 'file',
    bytes: 8,
    created_at: CREATED_SECONDS,
    filename: 'notes.jsonl',
    purpose: 'batch',
    sample_type: 'batch_request',
    num_lines: 1,
    mimetype: 'application/jsonl',
    source: 'upload',
    signature: hexDigits(0),
    expires_at: null,
    visibility: 'workspace',
  })
  return ({ method, path, query }) => {
    const [, id = '', verb = ''] = /\/v1\/files(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(path) ?? []
    switch (`${method} ${id && '/…'}${verb && `/${verb}`}`) {
      case 'POST ': {
        const { text, gives } = newFile('id')
        return { status: 200, body: fileOf(text), kind: 'uploaded', gives }
      }
      case 'GET ': {
        const data = query.get('page') === '1' ? [] : [fileOf(hexDigits(1))]
        return { status: 200, body: { object: 'list', data, total: 1 }, kind: 'page' }
      }
      case 'GET /…':
        if (id === hexDigits(0).replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'))
          return { status: 404, body: { detail: 'File not found' }, kind: 'error' }
        return { status: 200, body: { ...fileOf(id), deleted: false }, kind: 'file' }
      case 'DELETE /…':
        return { status: 200, body: { id, object: 'file', deleted: true }, kind: 'deleted' }
      case 'GET /…/content':
        return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: CONTENT }
      case 'GET /…/url':
        return { status: 200, body: { url: `${url}/signed` }, kind: 'url' }
    }
    throw new Error(`no answer for ${method} ${path}`)
  }
}

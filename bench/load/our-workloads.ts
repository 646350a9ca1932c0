import { Connection } from './connection.ts'
import { base64Pieces, patternBytes } from './pattern.ts'
import { pathOf, requestBytes } from './request.ts'
import { tusUpload } from './tus-workloads.ts'
import { authorization, FILES, formFile, lightfield, linkOf, wholeFile } from './whole-file.ts'
import { ONE_WRITE_BYTES, readFiles, repeating, sendPattern, type Target, type Workload } from './workload.ts'

const json = { 'content-type': 'application/json' }
/** Where whole files are taken as forms. */
const FORMS = '/api/v1/beta/files'
/** Where files are taken as base64 in JSON. */
const JSON_FILES = '/files/v1/files'

/** The vendor's bound of one file. */
const LIGHTFIELD_MAX_BYTES = 512 * 1024 * 1024

interface CreatedFile {
  readonly id: string
  readonly uploadUrl: string
}

/** Create, PUT and complete, through Lightfield. */
export function ourLife({ url, sizeBytes }: Target): Workload {
  const create = createRequest(sizeBytes)
  return {
    async run(connection) {
      const { id, uploadUrl } = JSON.parse((await connection.ask(create)).text) as CreatedFile
      const type = { 'content-type': 'application/octet-stream' }
      await sendPattern(connection, ['PUT', pathOf(uploadUrl), type], 0, sizeBytes)
      await connection.ask(requestBytes('POST', `${FILES}/${id}/complete`, { ...lightfield, ...json }, '{}'))
      return id
    },
    locate: (id) => linkOf(url, id),
  }
}

function createRequest(sizeBytes: number): Buffer {
  const body = { filename: 'bench.bin', mimeType: 'application/octet-stream', sizeBytes }
  return requestBytes('POST', FILES, { ...lightfield, ...json }, JSON.stringify(body))
}

/** The whole file as a form, LlamaCloud's way. */
export function ourForm(target: Target): Workload {
  return formFile(target, FORMS, { authorization }, { purpose: 'user_data' })
}

/** The whole file as base64 in JSON, Yandex's way. */
export function ourJson({ url, sizeBytes }: Target): Workload {
  // Its type is told, as that of a form's part is.
  const start = '{"folderId":"default","mimeType":"application/octet-stream","content":"'
  const end = '"}'
  const padded = sizeBytes % 3 === 0 ? sizeBytes : undefined
  function* pieces() {
    if (padded === undefined) yield Buffer.from(patternBytes(sizeBytes).toString('base64'))
    else yield* base64Pieces(padded)
    yield Buffer.from(end)
  }
  const bytes = start.length + Math.ceil(sizeBytes / 3) * 4 + end.length
  return wholeFile(url, JSON_FILES, { headers: { authorization }, start, bytes, pieces })
}

/** A resumable upload. Its link gives no bytes, so they are fetched by the id of the newest file. */
export function ourTus(target: Target): Workload {
  const { url } = target
  return {
    ...tusUpload({ ...target, url: `${url}/tus` }, { authorization }),
    async locate() {
      const response = await fetch(`${url}${FILES}?limit=1`, { headers: lightfield })
      const page = (await response.json()) as { data: { id: string }[] }
      return linkOf(url, page.data[0]?.id ?? '')
    },
  }
}

/** Creates alone: rows without bytes. */
export function ourCreate({ sizeBytes }: Target): Workload {
  const create = createRequest(sizeBytes)
  return {
    async run(connection) {
      await connection.ask(create)
      return ''
    },
  }
}

export async function ourRetrieve(target: Target): Promise<Workload> {
  const ids = await storeAll(ourLife(target), target)
  return repeating(ids.map((id) => requestBytes('GET', `${FILES}/${id}`, lightfield)))
}

/** Downloads by link; each body is compared. */
export async function ourDownload(target: Target): Promise<Workload> {
  const upload = target.sizeBytes > LIGHTFIELD_MAX_BYTES ? ourTus(target) : ourLife(target)
  const stored = await storeAll(upload, target)
  const links = await Promise.all(stored.map((one) => upload.locate?.(one) ?? ''))
  return repeating(
    links.map((link) => requestBytes('GET', pathOf(link))),
    target.sizeBytes,
  )
}

/** A page of 25 with the total, newest first. */
export function ourList(): Workload {
  return repeating([requestBytes('GET', `${FILES}?limit=25`, lightfield)])
}

/** The same after a create of its own each time, so that no answer to an earlier list is of use. */
export function ourCreateAndList(target: Target): Workload {
  const create = createRequest(target.sizeBytes)
  const list = ourList()
  return {
    async run(connection, turn) {
      await connection.ask(create)
      return list.run(connection, turn)
    },
  }
}

/** Stores as many files as a workload reads by turns. @returns what `locate` needs */
async function storeAll(upload: Workload, { url, sizeBytes }: Target): Promise<string[]> {
  const connection = await Connection.open(url, ONE_WRITE_BYTES)
  const stored: string[] = []
  for (let i = 0; i < readFiles(sizeBytes); i++) stored.push(await upload.run(connection, i))
  connection.close()
  return stored
}

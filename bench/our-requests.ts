import { ROOT_KEY } from '../test/faults/server-process.ts'
import { FORM_END, FORM_START, FORM_TYPE } from './body-load.ts'
import { requestBytes } from './request-load.ts'

const FILES = '/v1/files'
/** Where whole files are taken as forms. */
export const FORMS = '/api/v1/beta/files'
/** Where files are taken as base64 in JSON. */
export const JSON_FILES = '/files/v1/files'
const headers = { authorization: `Bearer ${ROOT_KEY}`, 'lightfield-version': '2026-03-01' }

/** The answer to a create, as far as it is used here. */
interface CreatedFile {
  readonly id: string
  readonly uploadUrl: string
}

export function createRequest(): Buffer {
  const body = JSON.stringify({ filename: 'report.pdf', mimeType: 'application/pdf', sizeBytes: 1000 })
  return requestBytes('POST', FILES, { ...headers, 'content-type': 'application/json' }, body)
}

/** A small file as a form, whole in one request. */
export function uploadRequest(sizeBytes: number): Buffer {
  const body = FORM_START + 'x'.repeat(sizeBytes) + FORM_END
  return requestBytes(
    'POST',
    FORMS,
    { authorization: headers.authorization, 'content-type': FORM_TYPE },
    body,
  )
}

export function retrieveRequest(id: string): Buffer {
  return requestBytes('GET', `${FILES}/${id}`, headers)
}

export async function newFile(url: string, sizeBytes: number): Promise<CreatedFile> {
  const body = { filename: 'large.bin', mimeType: 'application/octet-stream', sizeBytes }
  return ask<CreatedFile>(url + FILES, body)
}

/** Completes an upload. @returns a link to its bytes */
export async function completedFile(url: string, id: string): Promise<string> {
  await ask(`${url}${FILES}/${id}/complete`, {})
  return (await ask<{ url: string }>(`${url}${FILES}/${id}/url`)).url
}

async function ask<Answer>(url: string, body?: unknown): Promise<Answer> {
  const sent =
    body === undefined
      ? { headers }
      : {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }
  const response = await fetch(url, sent)
  if (response.status !== 200) throw new Error(`${response.status} from ${url}: ${await response.text()}`)
  return (await response.json()) as Answer
}

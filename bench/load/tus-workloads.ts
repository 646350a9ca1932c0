import { pathOf, requestBytes } from './request.ts'
import { repeating, sendPattern, type Target, type Workload } from './workload.ts'

const TUS = { 'tus-resumable': '1.0.0' }

/** Create and as many PATCH as there are chunks, as tus 1.0 has it. `url` is where uploads are created. */
export function tusUpload({ url, sizeBytes, chunkBytes = sizeBytes }: Target, headers = {}): Workload {
  const create = tusCreateRequest(url, sizeBytes, headers)
  const type = { ...TUS, 'content-type': 'application/offset+octet-stream' }
  return {
    async run(connection) {
      const location = pathOf((await connection.ask(create)).field('location'))
      for (let offset = 0; offset < sizeBytes; offset += chunkBytes) {
        const end = Math.min(sizeBytes, offset + chunkBytes)
        const answer = await sendPattern(
          connection,
          ['PATCH', location, { ...type, 'upload-offset': offset }],
          offset,
          end,
        )
        if (Number(answer.field('upload-offset')) !== end) throw new Error(`not at ${end}: ${answer.head}`)
      }
      return location
    },
    locate: (location) => new URL(location, url).href,
  }
}

export function tusCreate({ url, sizeBytes }: Target): Workload {
  return repeating([tusCreateRequest(url, sizeBytes)])
}

function tusCreateRequest(url: string, sizeBytes: number, headers = {}): Buffer {
  return requestBytes('POST', pathOf(url), {
    ...headers,
    ...TUS,
    'upload-length': sizeBytes,
    'content-length': 0,
  })
}

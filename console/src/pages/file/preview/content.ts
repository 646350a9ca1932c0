import { ApiError, addressOf } from '../../../api/client.ts'

/**
 * The bytes of a file, or the first of them.
 * @throws ApiError where they did not come
 */
export async function contentOf(
  id: string,
  signal: AbortSignal,
  firstBytes?: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(addressOf(`files/${id}/content`), {
    signal,
    credentials: 'same-origin',
    headers: firstBytes === undefined ? {} : { range: `bytes=0-${firstBytes - 1}` },
  }).catch((error: unknown) => {
    signal.throwIfAborted()
    throw new ApiError({ code: 'unreachable', detail: 'The server cannot be reached.' }, { cause: error })
  })
  if (response.ok) return new Uint8Array(await response.arrayBuffer())
  throw new ApiError({ ...(await response.json().catch(() => ({}))), status: response.status })
}

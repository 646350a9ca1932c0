import { createHash, type Hash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'

export type DigestAlgorithm = 'sha256' | 'md5'

/** Hash the first `byteLength` bytes of `slab` next; or answer with the digest; or forget the job. */
export type DigestRequest =
  | { readonly kind: 'open'; readonly job: number; readonly algorithm: DigestAlgorithm }
  | { readonly kind: 'add'; readonly job: number; readonly slab: SharedArrayBuffer; readonly byteLength: number }
  | { readonly kind: 'finish' | 'drop'; readonly job: number }

/** Answers come in the order of the requests. After `added` the slab may be overwritten. */
export type DigestAnswer =
  | { readonly kind: 'added' | 'dropped'; readonly job: number }
  | { readonly kind: 'finished'; readonly job: number; readonly hex: string }

const hashes = new Map<number, Hash>()

parentPort?.on('message', (request: DigestRequest) => {
  const answer = answerTo(request)
  if (answer) parentPort?.postMessage(answer)
})

function answerTo(request: DigestRequest): DigestAnswer | undefined {
  const { job } = request
  const hash = hashes.get(job)
  switch (request.kind) {
    case 'open':
      hashes.set(job, createHash(request.algorithm))
      return undefined
    case 'add':
      hash?.update(new Uint8Array(request.slab, 0, request.byteLength))
      return { kind: 'added', job }
    case 'drop':
      hashes.delete(job)
      return { kind: 'dropped', job }
    case 'finish':
      hashes.delete(job)
      return { kind: 'finished', job, hex: hash?.digest('hex') ?? '' }
  }
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../../core/errors.ts'
import { etagOf, type FileRecord, stateAt } from '../../core/files/file.ts'
import type { FairBudget } from '../../core/limits/fair-budget.ts'
import { LINK_PATH } from '../../core/links/link.ts'
import { followToken, readLink } from '../../core/links/link-token.ts'
import type { Services } from '../../core/services.ts'
import { appendUpload, cancelOpenUpload, settleUpload } from '../../core/uploads/append-upload.ts'
import { offsetOf } from '../../core/uploads/finish-upload.ts'
import { uploadIsOver } from '../../core/uploads/receive-upload.ts'
import { toServiceError } from '../../http/errors.ts'
import { receiveBody } from '../../intake/body.ts'
import { algorithmsOf, type HexDigests, requireStated } from '../../intake/digests.ts'
import { readType, toldType } from '../../intake/file-type.ts'
import { requireSigned } from '../put-headers.ts'
import {
  INTEROP_VERSION,
  limitFields,
  PARTIAL_UPLOAD,
  progressFields,
  speaksDraft,
  uploadFields,
} from './fields.ts'
import {
  type ArrivingPart,
  isComplete,
  type LinkedUpload,
  partOf,
  progressOf,
  requireNotOver,
} from './part.ts'
import { DraftRefusal } from './problems.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set where the request brings bytes by the draft. */
    part: ArrivingPart | undefined
  }
}

/** Whether a PUT or POST begins an upload by the draft. */
export function beginsDraft({ headers }: FastifyRequest): boolean {
  return headers['upload-complete'] !== undefined
}

/** Whether a token claims to lead to an upload. */
export function isUploadLink(token: string): boolean {
  return readLink(token)?.method === 'PUT'
}

/**
 * draft-ietf-httpbis-resumable-upload on upload links: a link is both the resource on which an upload is begun and the upload
 * resource. `begin` and `append` run before the body is asked for, then `receive` takes it. They throw `DraftRefusal`, which
 * `answerRefusal` answers.
 */
export class DraftUploads {
  readonly #services: Services
  readonly #memory: FairBudget

  constructor(services: Services, memory: FairBudget) {
    this.#services = services
    this.#memory = memory
  }

  /**
   * Checks a PUT or POST with Upload-Complete, and tells where its upload is (104).
   * @returns false if it is to be taken as any PUT: one of the whole that replaces bytes that are there, or that comes while servers
   *   of an older release know no parts
   */
  async begin(request: FastifyRequest, reply: FastifyReply, token: string): Promise<boolean> {
    let isTaken = true
    await this.#refusing(async () => {
      const { headers, method } = request
      const fields = uploadFields(headers)
      const upload = await this.#follow(token, reply)
      const isWholePut = method === 'PUT' && fields.isComplete && fields.offset === undefined
      if (isWholePut && (offsetOf(upload.file) > 0 || !this.#services.metadata.takesSegments)) {
        isTaken = false
        return
      }
      const now = this.#services.clock.now()
      requireSigned(headers, upload.file, now)
      request.part = partOf(request, { ...fields, offset: fields.offset ?? 0 }, upload, now)
      // Fastify refuses some that were signed.
      delete headers['content-type']
      this.#announce(request, reply, upload, token)
    })
    // Whatever the answer will be, it is that of the PUT.
    if (!isTaken) reply.header('upload-complete', '?1')
    return isTaken
  }

  /** Checks a PATCH. */
  async append(request: FastifyRequest, reply: FastifyReply, token: string): Promise<void> {
    await this.#refusing(async () => {
      const { headers } = request
      if (mediaTypeOf(headers['content-type']) !== PARTIAL_UPLOAD) {
        reply.header('accept-patch', PARTIAL_UPLOAD)
        throw new ServiceError('body-type-unsupported', `Send Content-Type: ${PARTIAL_UPLOAD}.`)
      }
      const fields = uploadFields(headers)
      const upload = await this.#follow(token, reply)
      request.part = partOf(request, fields, upload, this.#services.clock.now())
    })
  }

  /** Takes the bytes of a request that was checked. */
  async receive(request: FastifyRequest, reply: FastifyReply, token: string): Promise<FastifyReply> {
    const { part } = request
    if (part === undefined) throw new Error('the request was not checked')
    return this.#refusing(async () => {
      const file = isComplete(part.file) ? part.file : await this.#store(request, part)
      const upload = { ...part, file }
      reply.headers(progressFields(progressOf(upload, this.#services.clock.now())))
      if (request.method !== 'PATCH') reply.header('location', this.#locationOf(token))
      if (isComplete(file)) return sendWhole(reply, upload)
      return reply.code(request.method === 'PATCH' ? 204 : 201).send()
    })
  }

  /** Answers HEAD and GET, which ask for the offset. */
  async tellOffset(reply: FastifyReply, token: string): Promise<FastifyReply> {
    const upload = await this.#follow(token, reply)
    const now = this.#services.clock.now()
    requireNotOver(upload.file, now)
    reply.headers(progressFields(progressOf(upload, now))).header('cache-control', 'no-store')
    return reply.code(204).send()
  }

  /** Adds what an upload may have to an answer to OPTIONS. */
  async tellLimits(reply: FastifyReply, token: string): Promise<void> {
    if (!isUploadLink(token)) return
    const { file, claim } = await followToken(this.#services, 'PUT', token)
    const upload = { file, linkExpiresAt: claim.expiresAt }
    reply.headers(limitFields(progressOf(upload, this.#services.clock.now())))
  }

  /** Ends an upload that is not stored yet. */
  async cancel(reply: FastifyReply, token: string): Promise<FastifyReply> {
    const { file } = await this.#follow(token, reply)
    if (stateAt(file, this.#services.clock.now()) !== 'pending') throw uploadIsOver()
    await cancelOpenUpload(this.#services, file)
    return reply.code(204).send()
  }

  /** The upload as it is once a request that still brings bytes has been stopped. Errors tell its limits, too. */
  async #follow(token: string, reply: FastifyReply): Promise<LinkedUpload> {
    const { file, claim } = await followToken(this.#services, 'PUT', token)
    const settled = await settleUpload(this.#services, file, (content) => readType(file.name, content))
    const upload = { file: settled, linkExpiresAt: claim.expiresAt }
    reply.headers(limitFields(progressOf(upload, this.#services.clock.now())))
    return upload
  }

  async #store({ raw }: FastifyRequest, part: ArrivingPart): Promise<FileRecord> {
    const { file, stated, ...brings } = part
    const { offset, isLast } = brings
    const isAll = offset === 0 && isLast
    const wanted = {
      md5: false,
      ...(isAll ? {} : { carried: { upload: file.id, offset } }),
      further: algorithmsOf(stated),
      check: (digests: HexDigests) => requireStated(stated, digests),
    }
    const memory = this.#memory.open(file.organizationId)
    let brokenBy: () => Error | undefined = () => undefined
    const takeBody = (stop: AbortSignal, maxBytes: number) => {
      const limits = { maxBytes, keepsWhatCame: true, stop }
      const body = receiveBody(raw, limits, wanted, 'passing', memory)
      // To whoever is stopped by us it is told how far it came.
      brokenBy = () => (stop.aborted ? undefined : body.brokenBy)
      return body
    }
    const typeOf = async (content: AsyncIterable<Uint8Array>) =>
      toldType(part.mimeType, '') ?? readType(file.name, content)
    const kept = await appendUpload(this.#services, file, { ...brings, body: takeBody, typeOf })
    const error = brokenBy()
    if (error !== undefined) throw error
    return kept
  }

  /** HTTP/1.0 has no interim answers (RFC 9110, 15.2). */
  #announce(
    { headers, raw }: FastifyRequest,
    reply: FastifyReply,
    upload: LinkedUpload,
    token: string,
  ): void {
    if (!speaksDraft(headers) || raw.httpVersion === '1.0') return
    // Node before 24.18, and 26 before 26.2, can send no 104.
    reply.raw.writeInformation?.(104, {
      location: this.#locationOf(token),
      'upload-draft-interop-version': String(INTEROP_VERSION),
      ...limitFields(progressOf(upload, this.#services.clock.now())),
    })
  }

  #locationOf(token: string): string {
    return this.#services.addresses.publicUrl + LINK_PATH + token
  }

  async #refusing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw new DraftRefusal(toServiceError(error))
    }
  }
}

/** As a PUT of all bytes is answered. */
function sendWhole(reply: FastifyReply, { file }: LinkedUpload): FastifyReply {
  if (file.sha256 !== null) {
    const base64 = Buffer.from(file.sha256, 'hex').toString('base64')
    reply.header('repr-digest', `sha-256=:${base64}:`)
  }
  return reply.code(200).header('etag', etagOf(file)).send()
}

/** Without its parameters. */
function mediaTypeOf(contentType: string | undefined): string | undefined {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase()
}

import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { uploadPurposes } from './purposes.ts'

/** One of the services that speak this API. */
export interface Flavour {
  readonly name: string
  /** Where its files and uploads are, below the dialect's prefix. */
  readonly basePaths: readonly string[]
  /** The header that has the key, in lower case, if it is not `Authorization`. */
  readonly keyHeader: Lowercase<string> | undefined
  /** Beginnings of its clients' `User-Agent`. */
  readonly userAgents: readonly string[]
  /** What a file may be for. */
  readonly purposes: readonly string[]
  /** Status of a file that was made, by the path that it was sent to. */
  createdStatus(basePath: string): number
}

const V1 = '/v1'
/** Azure's own path, below `/openai` and without a version: that is in the query. */
const UNVERSIONED = ''

const openai: Flavour = {
  name: 'OpenAI',
  basePaths: [V1],
  keyHeader: undefined,
  userAgents: ['OpenAI/', 'AsyncOpenAI/'],
  purposes: uploadPurposes,
  createdStatus: () => 200,
}

const azure: Flavour = {
  ...openai,
  name: 'Azure OpenAI',
  basePaths: [V1, UNVERSIONED],
  keyHeader: 'api-key',
  userAgents: ['AzureOpenAI/', 'AsyncAzureOpenAI/'],
  // Its reference says so of the versions in the query (learn.microsoft.com, "Files - Upload"), and 200 of v1.
  createdStatus: (basePath) => (basePath === UNVERSIONED ? 201 : 200),
}

const groq: Flavour = {
  ...openai,
  name: 'Groq',
  userAgents: ['Groq/', 'AsyncGroq/'],
  purposes: ['batch'],
}

const flavours = [openai, azure, groq]

export const basePaths = [...new Set(flavours.flatMap(({ basePaths }) => basePaths))]
export const keyHeaders = flavours.flatMap(({ keyHeader }) => keyHeader ?? [])

/** Whose client it is that calls. */
export function flavourOf({ headers }: Pick<FastifyRequest, 'headers'>): Flavour {
  const byHeader = flavours.find(({ keyHeader }) => keyHeader !== undefined && keyHeader in headers)
  return byHeader ?? flavourOfClient(headers) ?? openai
}

/** By its user agent; undefined: by that it is no client of any. */
export function flavourOfClient(headers: IncomingHttpHeaders): Flavour | undefined {
  const agent = headers['user-agent'] ?? ''
  return flavours.find(({ userAgents }) => userAgents.some((begin) => agent.startsWith(begin)))
}

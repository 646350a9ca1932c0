import type { WorkloadName } from './load/workloads.ts'
import type { PeerName } from './peers/peers.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** One server doing one thing. */
export interface Candidate {
  readonly server: PeerName
  readonly does: WorkloadName
  readonly sizeBytes: number
  readonly chunkBytes?: number
  /** Rows that the server starts with; only for `oursFilled`. */
  readonly files?: number
  /** Instead of those of the match. */
  readonly connections?: number
  /** Of one sequence, if rates count them instead of sequences. */
  readonly requests?: number
  /** How charts and tables call it; the server's name if absent. */
  readonly label?: string
}

/** Which candidate is compared with which. */
export interface Pairing {
  readonly ours: string
  readonly peer: string
  /** Least ratio that is good enough; told beside if absent. */
  readonly least?: number
}

/** Candidates that take turns, so that a noisy neighbour meets all of them alike. */
export interface Match {
  readonly title: string
  /** Of a candidate: whole sequences a second, or requests where it tells their number; or bytes of files. */
  readonly unit: 'a second' | 'MB/s'
  readonly where: 'disk' | 'tmpfs'
  /** 0: each candidate tells its own. */
  readonly connections: number
  /** Of one turn: until then each connection begins another sequence; 0: each does one. */
  readonly seconds: number
  /** Two if absent. */
  readonly warmUpSeconds?: number
  readonly rounds: number
  readonly candidates: Readonly<Record<string, Candidate>>
  readonly pairings: readonly Pairing[]
}

const requests = { unit: 'a second', where: 'disk', connections: 64, seconds: 0.6, rounds: 7 } as const
const transfers = { unit: 'MB/s', where: 'tmpfs', connections: 1, seconds: 0, rounds: 7 } as const
const small = { sizeBytes: 4 * KIB } as const
const large = { sizeBytes: 512 * MIB } as const
const json = { sizeBytes: 120 * MIB } as const
const download = { sizeBytes: 256 * MIB } as const
const chunked = { sizeBytes: 64 * MIB, chunkBytes: 8 * MIB } as const

const resumable: Pick<Match, 'candidates' | 'pairings'> = {
  candidates: {
    ours: { server: 'ours', does: 'ourTus', ...chunked },
    tusServer: { server: 'tusServer', does: 'tusUpload', ...chunked },
    tusd: { server: 'tusd', does: 'tusUpload', ...chunked },
  },
  pairings: [
    { ours: 'ours', peer: 'tusServer', least: 1 },
    { ours: 'ours', peer: 'tusd' },
  ],
}

/** By the name that `--only` takes. */
export const matches: Readonly<Record<string, Match>> = {
  small: {
    ...requests,
    title: 'Whole life of a 4 KiB file',
    candidates: {
      life: { server: 'ours', does: 'ourLife', ...small, label: 'Entrepot: create, PUT, complete' },
      form: { server: 'ours', does: 'ourForm', ...small, label: 'Entrepot: one form' },
      json: { server: 'ours', does: 'ourJson', ...small, label: 'Entrepot: one JSON body' },
      tusServer: { server: 'tusServer', does: 'tusUpload', ...small, label: '@tus/server: create, PATCH' },
      tusd: { server: 'tusd', does: 'tusUpload', ...small, label: 'tusd: create, PATCH' },
      plainDurable: { server: 'plainDurable', does: 'plainPut', ...small },
      nginx: { server: 'nginx', does: 'plainPut', ...small, label: 'nginx: PUT' },
    },
    pairings: [
      { ours: 'life', peer: 'tusServer', least: 1.5 },
      { ours: 'life', peer: 'tusd', least: 0.8 },
      { ours: 'form', peer: 'tusServer', least: 2.5 },
      { ours: 'form', peer: 'tusd', least: 1.2 },
      { ours: 'json', peer: 'tusServer', least: 2.5 },
      { ours: 'json', peer: 'tusd', least: 1.2 },
      { ours: 'form', peer: 'plainDurable' },
      { ours: 'form', peer: 'nginx' },
    ],
  },
  dialects: {
    ...requests,
    title: 'A 4 KiB file through each dialect',
    candidates: {
      llamacloud: { server: 'ours', does: 'ourForm', ...small, label: 'LlamaCloud: a form' },
      openai: { server: 'ours', does: 'openaiForm', ...small, label: 'OpenAI: a form' },
      anthropic: { server: 'ours', does: 'anthropicForm', ...small, label: 'Anthropic: a form' },
      mistral: { server: 'ours', does: 'mistralForm', ...small, label: 'Mistral: a form' },
      yandex: { server: 'ours', does: 'ourJson', ...small, label: 'Yandex: base64 in JSON' },
      gemini: { server: 'ours', does: 'geminiRelated', ...small, label: 'Gemini: multipart' },
      geminiStart: {
        server: 'ours',
        does: 'geminiStart',
        ...small,
        requests: 2,
        label: 'Gemini: start, upload and finalize, by the request',
      },
      lightfield: {
        server: 'ours',
        does: 'ourLife',
        ...small,
        requests: 3,
        label: 'Lightfield: create, PUT, complete, by the request',
      },
    },
    pairings: [
      ...['openai', 'anthropic', 'gemini', 'mistral', 'yandex'].map((ours) => ({
        ours,
        peer: 'llamacloud',
        least: 0.8,
      })),
      { ours: 'geminiStart', peer: 'llamacloud' },
      { ours: 'lightfield', peer: 'llamacloud' },
    ],
  },
  create: {
    ...requests,
    title: 'Create, without bytes',
    candidates: {
      ours: { server: 'ours', does: 'ourCreate', ...small },
      noop: { server: 'noop', does: 'nothing', ...small },
      tusServer: { server: 'tusServer', does: 'tusCreate', ...small },
    },
    pairings: [
      { ours: 'ours', peer: 'noop', least: 0.3 },
      { ours: 'ours', peer: 'tusServer', least: 2 },
    ],
  },
  retrieve: {
    ...requests,
    title: 'Retrieve of one file',
    candidates: {
      ours: { server: 'ours', does: 'ourRetrieve', ...small },
      noop: { server: 'noop', does: 'nothing', ...small },
    },
    pairings: [{ ours: 'ours', peer: 'noop', least: 0.5 }],
  },
  download: {
    ...requests,
    title: 'Download of 4 KiB by link',
    candidates: {
      ours: { server: 'ours', does: 'ourDownload', ...small },
      nginx: { server: 'nginx', does: 'plainGet', ...small },
      plain: { server: 'plain', does: 'plainGet', ...small },
    },
    pairings: [
      { ours: 'ours', peer: 'nginx', least: 0.35 },
      { ours: 'ours', peer: 'plain' },
    ],
  },
  list: {
    ...requests,
    title: 'List of 25 of 1,000,000 files, with the total',
    candidates: {
      ours: { server: 'oursFilled', does: 'ourList', ...small, files: 1_000_000, label: 'Entrepot' },
      fresh: {
        server: 'oursFilled',
        does: 'ourCreateAndList',
        ...small,
        files: 1_000_000,
        label: 'Entrepot: create, then list',
      },
      noop: { server: 'noop', does: 'nothing', ...small },
    },
    pairings: [
      { ours: 'ours', peer: 'noop', least: 0.25 },
      { ours: 'fresh', peer: 'noop' },
    ],
  },
  put: {
    ...transfers,
    rounds: 5,
    title: 'Upload of 512 MiB',
    candidates: {
      ours: { server: 'ours', does: 'ourLife', ...large, label: 'Entrepot: create, PUT, complete' },
      form: { server: 'ours', does: 'ourForm', ...large, label: 'Entrepot: one form' },
      plainDurable: { server: 'plainDurable', does: 'plainPut', ...large },
      tusServer: { server: 'tusServer', does: 'tusUpload', ...large },
      plain: { server: 'plain', does: 'plainPut', ...large },
      tusd: { server: 'tusd', does: 'tusUpload', ...large },
      nginx: { server: 'nginx', does: 'plainPut', ...large },
      versitygw: { server: 'versitygw', does: 's3Put', ...large },
    },
    pairings: [
      { ours: 'ours', peer: 'plainDurable', least: 1 },
      { ours: 'ours', peer: 'tusServer', least: 1.2 },
      { ours: 'form', peer: 'ours', least: 0.9 },
      { ours: 'ours', peer: 'plain' },
      { ours: 'ours', peer: 'tusd' },
      { ours: 'ours', peer: 'nginx' },
      { ours: 'ours', peer: 'versitygw' },
    ],
  },
  base64: {
    ...transfers,
    title: 'Upload of 120 MiB as base64',
    candidates: {
      json: { server: 'ours', does: 'ourJson', ...json, label: 'Entrepot: base64 in JSON' },
      put: { server: 'ours', does: 'ourLife', ...json, label: 'Entrepot: create, PUT, complete' },
    },
    pairings: [{ ours: 'json', peer: 'put', least: 0.5 }],
  },
  get: {
    ...transfers,
    title: 'Download of 256 MiB',
    candidates: {
      ours: { server: 'ours', does: 'ourDownload', ...download },
      nginx: { server: 'nginx', does: 'plainGet', ...download, label: 'nginx, sendfile' },
      plain: { server: 'plain', does: 'plainGet', ...download },
    },
    pairings: [
      { ours: 'ours', peer: 'nginx', least: 0.7 },
      { ours: 'ours', peer: 'plain' },
    ],
  },
  tus: { ...transfers, title: 'tus upload of 64 MiB in chunks of 8 MiB', ...resumable },
  'tus-disk': { ...transfers, title: 'The same on a disk', where: 'disk', ...resumable },
}

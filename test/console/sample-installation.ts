import type { Locator, Page } from 'playwright-core'
import { createOrganization, createProject } from '../../src/core/access/tenants.ts'
import { HOUR_MS } from '../../src/core/ports/clock.ts'
import { hourOf, WHOLE_ORGANIZATION } from '../../src/core/usage/usage-hour.ts'
import { AdminClient } from '../admin-client.ts'
import { dialectClients } from '../dialect-clients.ts'
import type { TestServer } from '../harness.ts'
import { exchange } from '../lightfield-client.ts'
import { patch, TusClient } from '../tus-client.ts'
import { pdfOfText } from './pdf-sample.ts'

/** What an installation holds that has been in use for three weeks, as far as the pages of the console show it. */
export interface Sample {
  /** Of a file with labels, an end, and links. */
  readonly fileId: string
}

interface SampleFile {
  readonly name: string
  readonly type: string
  readonly sizeBytes: number
  /** Through which API it came; none: through the console. */
  readonly dialect?: string
  readonly labels?: Readonly<Record<string, string>>
  /** Days from now on; none: it does not end. */
  readonly days?: number
}

const PDF = 'application/pdf'
const JSONL = 'application/jsonl'

const REPORT = [
  'Through the seven APIs came 41,220 files in the first quarter, a fifth more than in the last one.',
  'Most of them are batches of embeddings, which are kept for three days.',
  'What is kept for longer are contracts, reports and the recordings of calls.',
  'The quota of 20 GB is used to a third. At this pace it lasts until December.',
]

/** The oldest first. */
const files: readonly SampleFile[] = [
  { name: 'terms-2026.pdf', type: PDF, sizeBytes: 184_320, dialect: 'openai' },
  {
    name: 'support-tickets.jsonl',
    type: JSONL,
    sizeBytes: 912_004,
    dialect: 'openai',
    labels: { team: 'support' },
  },
  { name: 'onboarding.md', type: 'text/markdown', sizeBytes: 6_211, dialect: 'anthropic' },
  { name: 'floor-plan.svg', type: 'image/svg+xml', sizeBytes: 23_870, dialect: 'llamacloud' },
  { name: 'call-2026-03-30.wav', type: 'audio/wav', sizeBytes: 1_480_112, dialect: 'gemini', days: 45 },
  {
    name: 'invoices-q1.zip',
    type: 'application/zip',
    sizeBytes: 2_210_445,
    days: 200,
    labels: { year: '2026' },
  },
  { name: 'fine-tune-train.jsonl', type: JSONL, sizeBytes: 1_733_900, dialect: 'mistral', days: 30 },
  { name: 'fine-tune-validate.jsonl', type: JSONL, sizeBytes: 204_118, dialect: 'mistral', days: 30 },
  { name: 'évaluation-finale.csv', type: 'text/csv', sizeBytes: 48_213, dialect: 'yandex' },
  { name: 'смета-2026.pdf', type: PDF, sizeBytes: 731_201, dialect: 'llamacloud' },
  { name: 'تقرير الربع الأول.pdf', type: PDF, sizeBytes: 402_118, dialect: 'anthropic' },
  {
    name: 'meeting-notes.txt',
    type: 'text/plain',
    sizeBytes: 3_902,
    dialect: 'lightfield',
    labels: { team: 'sales' },
  },
  { name: 'harbour.png', type: 'image/png', sizeBytes: 1_120_330, dialect: 'gemini', days: 40 },
  {
    name: 'contract-draft-v7.docx',
    type: 'application/octet-stream',
    sizeBytes: 88_410,
    dialect: 'openai',
    days: 14,
  },
  { name: 'embeddings-batch-0412.jsonl', type: JSONL, sizeBytes: 2_440_008, dialect: 'openai', days: 4 },
  {
    name: 'quarterly-report.pdf',
    type: PDF,
    sizeBytes: 1_204_224,
    dialect: 'openai',
    days: 60,
    labels: { team: 'finance', year: '2026' },
  },
]

/** Fills a new server. Time goes by on its clock, so that it ends three weeks after it began. */
export async function fillSample(server: TestServer): Promise<Sample> {
  const { services } = server.app
  const organization = await services.metadata.findOrganization('default')
  const organizationId = organization?.id ?? ''
  for (const slug of ['research', 'support-bot']) await createProject(services, organizationId, slug)
  await createOrganization(services, 'harbour-works', 'default')
  await setQuotas(server, organizationId)
  await addKeys(server)
  let fileId = ''
  for (const file of files) {
    fileId = await store(server, file)
    await passHours(server, organizationId, 31)
  }
  await describeFile(server, fileId)
  await openSessions(server)
  await leaveUploads(server)
  return { fileId }
}

async function setQuotas({ app }: TestServer, id: string): Promise<void> {
  const quota = { quotaFiles: 50_000, quotaBytes: 20_000_000_000 }
  await app.services.metadata.commit([{ kind: 'quota.set', holder: 'organization', id, ...quota }])
}

async function addKeys(server: TestServer): Promise<void> {
  const admin = new AdminClient(server)
  const inAYear = new Date(server.clock.now() + 365 * 24 * HOUR_MS).toISOString()
  for (const key of [
    { name: 'ingest-worker', scopes: ['files:create'] },
    { name: 'support bot', projects: ['support-bot'], expiresAt: inAYear },
    { name: 'dashboard', role: 'viewer' },
    { name: 'laptop of Mira', role: 'admin', user: 'mira' },
  ])
    await admin.send('POST', '/keys', key)
}

async function store(server: TestServer, file: SampleFile): Promise<string> {
  const { name, type, sizeBytes, labels = {}, days } = file
  const admin = new AdminClient(server)
  const content = contentOf(type, sizeBytes)
  const client = dialectClients(server).find(({ dialect }) => dialect === file.dialect)
  const id = client
    ? await client.create({ name, mimeType: type, content, days: 1 })
    : (await admin.stored(content, { filename: name, filetype: type })).id
  const expiresAt =
    days === undefined ? null : new Date(server.clock.now() + days * 24 * HOUR_MS).toISOString()
  // Gemini's ids have a path in them.
  const { body } = await admin.get(encodeURIComponent(id.replace(/^files\//, '')))
  await admin.change(body.id, { labels, expiresAt })
  return body.id
}

/** As far as a preview shows it: a drawing, a text, or so many bytes. */
function contentOf(type: string, sizeBytes: number): string {
  if (type === PDF) {
    const start = String(pdfOfText('Quarterly report', REPORT))
    return start + ' '.repeat(Math.max(0, sizeBytes - start.length))
  }
  if (type === 'image/svg+xml')
    return '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300"><path d="M20 280V20h360v260zM200 20v120h-60m60 60v80" fill="none" stroke="#456"/></svg>'
  return 'Entrepot keeps what is entrusted to it.\n'.repeat(Math.ceil(sizeBytes / 40)).slice(0, sizeBytes)
}

/** Hours in which a service like this is used by day, and little at night. */
async function passHours(server: TestServer, organizationId: string, hours: number): Promise<void> {
  const { metadata } = server.app.services
  for (let passed = 0; passed < hours; passed++) {
    server.clock.advance({ hours: 1 })
    const hour = hourOf(server.clock.now())
    const load = 0.2 + Math.max(0, Math.sin((((hour / HOUR_MS) % 24) / 24) * 2 * Math.PI - 1.6))
    const counts = {
      created: Math.round(9 * load),
      deleted: Math.round(3 * load),
      requests: Math.round(420 * load),
      bytesIn: Math.round(48e6 * load),
      bytesOut: Math.round(180e6 * load),
    }
    const counted = { organizationId, projectId: WHOLE_ORGANIZATION, hour, ...counts }
    await metadata.commit([{ kind: 'usage-hour.add', counted, isEnding: true }])
  }
}

async function describeFile(server: TestServer, id: string): Promise<void> {
  const admin = new AdminClient(server)
  await admin.change(id, { description: 'Figures of the first quarter, as sent to the board.' })
  for (const hours of [24, 24 * 7])
    await admin.send('POST', `/files/${id}/links`, { expiresInSeconds: hours * 3600 })
}

/** Three that did not come to their end. */
async function leaveUploads(server: TestServer): Promise<void> {
  const tus = new TusClient(server)
  for (const [filename, sizeBytes, received] of [
    ['drone-survey.mp4', 4_800_000, 1_900_000],
    ['archive-2025.tar', 1_250_000, 900_000],
    ['slides.pdf', 400_000, 0],
  ] as const) {
    const link = await tus.created(sizeBytes, { filename })
    if (received > 0) await patch(link, 0, Buffer.alloc(received, 'x'))
    server.clock.advance({ minutes: 4 })
  }
}

/** Of other browsers. */
async function openSessions({ url, key, clock }: TestServer): Promise<void> {
  for (const agent of [
    'Windows NT 10.0; rv:143.0) Gecko/20100101 Firefox/143.0',
    'iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1',
  ]) {
    await exchange('POST', `${url}/admin/v1/sessions`, JSON.stringify({ key }), {
      'content-type': 'application/json',
      'user-agent': `Mozilla/5.0 (${agent}`,
    })
    clock.advance({ minutes: 25 })
  }
}

/** Every page of the console, below `/console/`. */
export function pagesOf({ fileId }: Sample): readonly { readonly name: string; readonly path: string }[] {
  return [
    { name: 'files', path: '' },
    { name: 'file', path: `files/${fileId}` },
    { name: 'uploads', path: 'uploads' },
    { name: 'keys', path: 'keys' },
    { name: 'projects', path: 'projects' },
    { name: 'usage', path: 'usage?range=7d' },
    { name: 'activity', path: 'activity' },
    { name: 'settings', path: 'settings' },
    { name: 'sessions', path: 'sessions' },
    { name: 'sign-in', path: 'sign-in' },
  ]
}

/** Waits until a page shows what it was asked for. */
export async function untilReady(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  if (await page.getByRole('heading', { name: 'No such page' }).isVisible())
    throw new Error(`${page.url()} is no page`)
  for (const waiting of [page.locator('[aria-busy=true]'), page.getByText('Loading…', { exact: true })])
    await expectNone(waiting)
}

async function expectNone(locator: Locator): Promise<void> {
  for (const element of await locator.all()) await element.waitFor({ state: 'hidden' })
}

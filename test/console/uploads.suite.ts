/** The Uploads page: what is dropped or chosen is stored, whatever happens meanwhile. */
import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { CDPSession, Locator, Page } from 'playwright-core'
import type { FileBody } from '../../src/admin/files/schemas.ts'
import type { UploadBody } from '../../src/admin/uploads/schemas.ts'
import { createProject } from '../../src/core/access/tenants.ts'
import { AdminClient } from '../admin-client.ts'
import { ROOT_KEY } from '../faults/server-process.ts'
import { newFolder } from '../new-folder.ts'
import { storedBytes, TroubledServer, uploadBytes } from '../troubled-upload.ts'
import { patch, TusClient } from '../tus-client.ts'
import { ConsoleTest, whyNoConsole } from './harness.ts'

const MAX_BYTES = 4_000_000
const browser = new ConsoleTest({ ENTREPOT_TUS_MAX_FILE_BYTES: String(MAX_BYTES) })
const chromium = { skip: whyNoConsole }

interface Given {
  readonly name: string
  readonly mimeType: string
  readonly buffer: Buffer
}

function fileOf(name: string, content: Buffer | string): Given {
  return { name, mimeType: 'text/plain', buffer: Buffer.from(content) }
}

/** A tenant of its own, so that what is stored is this test's. */
async function newTenant(slug: string) {
  const tenant = await browser.server.newTenant(slug)
  const by = { url: browser.server.url, key: tenant.key }
  return { ...tenant, admin: new AdminClient(by), tus: new TusClient(by) }
}

async function choose(
  page: Page,
  files: Given[] | string | string[],
  button = 'Choose files',
): Promise<void> {
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: button }).click()
  await (await chooser).setFiles(files)
}

async function allowFiles(organizationId: string, quotaFiles: number | null): Promise<void> {
  const { metadata } = browser.server.app.services
  await metadata.commit([
    { kind: 'quota.set', holder: 'organization', id: organizationId, quotaFiles, quotaBytes: null },
  ])
}

/** The names and digests of what is stored. */
async function storedIn(admin: AdminClient): Promise<Map<string, string | null>> {
  const { body } = await admin.send<{ files: FileBody[] }>('GET', '/files?limit=1000')
  return new Map(body.files.map(({ name, sha256 }) => [name, sha256]))
}

async function pendingOf(admin: AdminClient): Promise<readonly UploadBody[]> {
  return (await admin.send<{ uploads: UploadBody[] }>('GET', '/uploads')).body.uploads
}

function digestsOf(files: readonly Given[]): Map<string, string> {
  return new Map(files.map(({ name, buffer }) => [name, hash('sha256', buffer)]))
}

function rowOf(page: Page, name: string): Locator {
  return page.getByRole('row').filter({ hasText: name })
}

interface Network {
  readonly offline?: boolean
  /** Undefined: as many as can. */
  readonly bytesPerSecond?: number
}

/** The protocol's sessions, of which only the one that set the network last counts. */
const sessions = new WeakMap<Page, CDPSession>()

/** What of a network the page has from now on. */
async function setNetwork(page: Page, { offline = false, bytesPerSecond = -1 }: Network): Promise<void> {
  const session = sessions.get(page) ?? (await page.context().newCDPSession(page))
  sessions.set(page, session)
  await session.send('Network.enable')
  const unbounded = { latency: 0, downloadThroughput: -1 }
  await session.send('Network.emulateNetworkConditions', {
    ...unbounded,
    offline,
    uploadThroughput: bytesPerSecond,
  })
}

/** Of a dialog that asks; the last one of the document. */
async function answerYes(page: Page, action: string): Promise<void> {
  await page.getByRole('dialog').getByRole('button', { name: action }).click()
}

/** As a user does it, with a file or a folder. */
async function dropFromDisk(page: Page, path: string): Promise<void> {
  const session = await page.context().newCDPSession(page)
  const data = { items: [], files: [path], dragOperationsMask: 1 }
  const move = (type: 'dragEnter' | 'dragOver' | 'drop') =>
    session.send('Input.dispatchDragEvent', { type, x: 600, y: 400, data })
  await move('dragEnter')
  await move('dragOver')
  await page.getByText('Drop to upload to default').waitFor()
  await move('drop')
}

/** Lets go of files over the page, as if they came from a disk. */
async function drop(page: Page, files: readonly { readonly name: string; readonly text: string }[]) {
  await page.evaluate((given) => {
    const dataTransfer = new DataTransfer()
    for (const { name, text } of given) dataTransfer.items.add(new File([text], name))
    Reflect.set(globalThis, 'dragged', dataTransfer)
    document.body.dispatchEvent(new DragEvent('dragover', { dataTransfer, bubbles: true, cancelable: true }))
  }, files)
  return () =>
    page.evaluate(() => {
      const dataTransfer = Reflect.get(globalThis, 'dragged') as DataTransfer
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }))
    })
}

test('of fifty files one is too large: its row says so, and the others are stored', chromium, async (t) => {
  const { key, admin } = await newTenant('fifty')
  const page = await browser.visit(t, { key, path: 'uploads', isExpected: is('413 POST /tus') })
  const good = Array.from({ length: 49 }, (_, at) => fileOf(`part ${at}.txt`, randomBytes(1000 + at)))
  const large = fileOf('large.bin', Buffer.alloc(MAX_BYTES + 1))
  await choose(page, [...good.slice(0, 20), large, ...good.slice(20)])
  await page.getByText('49 of 50 stored, 1 failed').waitFor()
  await rowOf(page, 'large.bin').getByText(`A file may have at most ${MAX_BYTES} bytes.`).waitFor()
  assert.deepEqual(await storedIn(admin), digestsOf(good))
  await page.getByRole('link', { name: 'part 7.txt' }).click()
  await page.waitForURL(/\/console\/files\/[\da-f-]{36}/)
})

test(
  'what is dropped on any page goes to the project that is shown, and its digest is that of the file',
  chromium,
  async (t) => {
    const { key, admin } = await newTenant('dropped')
    const page = await browser.visit(t, { key })
    // Until the page is there, nothing takes what is dragged over it.
    await page.getByText('No files yet').waitFor()
    const files = ['a', 'b'].map((name) => ({ name: `${name}.txt`, text: name.repeat(1000) }))
    const letGo = await drop(page, files)
    await page.getByText('Drop to upload to default').waitFor()
    await letGo()
    await page.getByText('Drop to upload to default').waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Uploads', exact: true }).click()
    await page.getByText('2 of 2 stored').waitFor()
    assert.deepEqual(await storedIn(admin), digestsOf(files.map(({ name, text }) => fileOf(name, text))))
  },
)

test('a project is chosen, and stays chosen', chromium, async (t) => {
  const { organization, project } = await newTenant('chosen')
  const { services } = browser.server.app
  const other = await createProject(services, organization.id, 'archive')
  const key = await browser.server.newKey({
    organizationId: organization.id,
    projectIds: [project.id, other.id],
  })
  const page = await browser.visit(t, { key, path: 'uploads' })
  await page.getByLabel('Upload to').selectOption({ label: 'archive' })
  await page.reload()
  await choose(page, [fileOf('kept.txt', 'kept')])
  await page.getByText('1 of 1 stored').waitFor()
  const { body } = await new AdminClient({ url: browser.server.url, key }).send<{ files: FileBody[] }>(
    'GET',
    '/files?project=archive',
  )
  assert.deepEqual(
    body.files.map(({ name }) => name),
    ['kept.txt'],
  )
})

test(
  'uploads go on while one looks at other pages, can be paused, and go on where they were',
  chromium,
  async (t) => {
    const { key, admin } = await newTenant('paused')
    const page = await browser.visit(t, { key, path: 'uploads' })
    const file = fileOf('paused.bin', randomBytes(2_000_000))
    await setNetwork(page, { bytesPerSecond: 400_000 })
    await choose(page, [file])
    await page.getByRole('link', { name: 'Files', exact: true }).click()
    await page.getByRole('link', { name: /Uploading: 0 of 1 stored/ }).click()
    await untilSent(page, 'paused.bin')
    await page.getByRole('button', { name: 'Pause paused.bin' }).click()
    await rowOf(page, 'paused.bin').getByText('Paused').waitFor()
    await until(async () => ((await pendingOf(admin))[0]?.receivedBytes ?? 0) > 0)
    await setNetwork(page, {})
    const offsets = offsetsOf(page)
    await page.getByRole('button', { name: 'Resume paused.bin' }).click()
    await page.getByText('1 of 1 stored').waitFor()
    assert.ok(offsets.length === 1 && (offsets[0] ?? 0) > 0, `went on at ${offsets}`)
    assert.deepEqual(await storedIn(admin), digestsOf([file]))
  },
)

test('a cancelled upload is over on the server, too', chromium, async (t) => {
  const { key, admin } = await newTenant('cancelled')
  const page = await browser.visit(t, { key, path: 'uploads' })
  await setNetwork(page, { bytesPerSecond: 200_000 })
  await choose(page, [
    fileOf('moving.bin', randomBytes(2_000_000)),
    fileOf('paused.bin', randomBytes(2_000_000)),
  ])
  await untilSent(page, 'moving.bin')
  await untilSent(page, 'paused.bin')
  await page.getByRole('button', { name: 'Pause paused.bin' }).click()
  await page.getByRole('button', { name: 'Cancel moving.bin' }).click()
  await page.getByRole('button', { name: 'Cancel all' }).click()
  await answerYes(page, 'Cancel uploads')
  await page.getByText('Nothing is being uploaded from this page').waitFor()
  await until(async () => (await pendingOf(admin)).length === 0)
  assert.deepEqual(await storedIn(admin), new Map())
})

test('after a reload the same file goes on where it was, and another one does not', chromium, async (t) => {
  const { key, admin } = await newTenant('reloaded')
  const folder = newFolder('entrepot-reloaded-')
  const path = join(folder, 'long.bin')
  const bytes = randomBytes(2_000_000)
  await writeFile(path, bytes)
  const page = await browser.visit(t, { key, path: 'uploads' })
  await setNetwork(page, { bytesPerSecond: 400_000 })
  await choose(page, path)
  await untilSent(page, 'long.bin')
  await page.getByRole('button', { name: 'Pause long.bin' }).click()
  await page.reload()
  await setNetwork(page, {})
  await rowOf(page, 'long.bin').getByText('Interrupted').waitFor()
  await choose(page, [fileOf('long.bin', 'another')], 'Choose long.bin again')
  await rowOf(page, 'long.bin')
    .getByText(/has 7 bytes/)
    .waitFor()
  const offsets = offsetsOf(page)
  await choose(page, path, 'Choose long.bin again')
  await page.getByText('1 of 1 stored').waitFor()
  assert.ok((offsets[0] ?? 0) > 0, `went on at ${offsets}`)
  assert.deepEqual(await storedIn(admin), new Map([['long.bin', hash('sha256', bytes)]]))
})

test('what another tab sends is not interrupted, until that tab is closed', chromium, async (t) => {
  const { key } = await newTenant('two-tabs')
  const page = await browser.visit(t, { key, path: 'uploads' })
  await setNetwork(page, { bytesPerSecond: 100_000 })
  await choose(page, [fileOf('long.bin', randomBytes(2_000_000))])
  await untilSent(page, 'long.bin')
  const other = await page.context().newPage()
  await other.goto(page.url())
  await other.getByRole('table', { name: 'Other uploads under way' }).getByText('long.bin').waitFor()
  // Longer than the pages take to tell each other.
  await other.waitForTimeout(1000)
  assert.equal(await other.getByText('Interrupted').count(), 0)
  await page.close()
  await other.reload()
  await rowOf(other, 'long.bin').getByText('Interrupted').waitFor()
})

test(
  'what was dropped from a disk goes on after a reload without being chosen again',
  chromium,
  async (t) => {
    const { key, admin } = await newTenant('handles')
    const path = join(newFolder('entrepot-handles-'), 'dropped.bin')
    const bytes = randomBytes(2_000_000)
    await writeFile(path, bytes)
    const page = await browser.visit(t, { key, path: 'uploads' })
    await page.getByRole('button', { name: 'Choose files' }).waitFor()
    await setNetwork(page, { bytesPerSecond: 400_000 })
    await dropFromDisk(page, path)
    await untilSent(page, 'dropped.bin')
    await page.getByRole('button', { name: 'Pause dropped.bin' }).click()
    await page.reload()
    await setNetwork(page, {})
    const offsets = offsetsOf(page)
    await page.getByRole('button', { name: 'Resume dropped.bin' }).click()
    await page.getByText('1 of 1 stored').waitFor()
    assert.ok((offsets[0] ?? 0) > 0, `went on at ${offsets}`)
    assert.deepEqual(await storedIn(admin), new Map([['dropped.bin', hash('sha256', bytes)]]))
  },
)

test('uploads outlive cut connections and a killed server, and nothing that it had is sent again', {
  ...chromium,
  timeout: 300_000,
}, async (t) => {
  const server = await TroubledServer.start()
  t.after(() => server.stop())
  const bytes = uploadBytes()
  const path = join(newFolder('entrepot-killed-'), 'Отчёт.bin')
  await writeFile(path, bytes)
  // 409: of a body that was cut off more has come than was told meanwhile, and the right offset is asked for.
  const isExpected = (problem: string) =>
    problem.startsWith('net::ERR_') || /^(50\d |409 PATCH )/.test(problem)
  const page = await browser.visit(t, {
    server: { url: server.url, key: ROOT_KEY },
    path: 'uploads',
    isExpected,
  })
  await choose(page, path)
  await page.getByText('1 of 1 stored').waitFor({ timeout: 240_000 })
  const { content, file } = await storedBytes(server.url)
  assert.equal(file.filename, 'Отчёт.bin')
  server.judge(hash('sha256', bytes), content)
})

test('where the quota ends the rest fails, and is sent once there is room', chromium, async (t) => {
  const { key, admin, organization } = await newTenant('quota')
  await allowFiles(organization.id, 3)
  const page = await browser.visit(t, { key, path: 'uploads', isExpected: is('402 POST /tus') })
  const files = Array.from({ length: 5 }, (_, at) => fileOf(`${at}.txt`, randomBytes(100)))
  await choose(page, files)
  await page.getByText('3 of 5 stored, 2 failed').waitFor()
  await page
    .getByText(/[Qq]uota exceeded/)
    .first()
    .waitFor()
  await allowFiles(organization.id, null)
  await page.getByRole('button', { name: 'Retry failed' }).click()
  await page.getByText('5 of 5 stored').waitFor()
  assert.deepEqual(await storedIn(admin), digestsOf(files))
})

test(
  'an empty file, a folder and names of any kind are stored; a name that is too long is told',
  chromium,
  async (t) => {
    const { key, admin } = await newTenant('names')
    const page = await browser.visit(t, { key, path: 'uploads', isExpected: is('400 POST /tus') })
    const good = ['', '<img src=x onerror=alert(1)>.txt', 'تقرير.pdf', '📄 a%2F?#.txt'].map((name) =>
      fileOf(name || 'empty.txt', name),
    )
    await choose(page, [...good, fileOf('n'.repeat(3000), 'long')])
    await page.getByText('4 of 5 stored, 1 failed').waitFor()
    await page.getByText(/filename has more than|filename .*1024|filename .*long/).waitFor()
    const folder = newFolder('entrepot-folder-')
    await mkdir(join(folder, 'inside'))
    await writeFile(join(folder, 'inside', 'deep.txt'), 'deep')
    await choose(page, join(folder, 'inside'), 'Choose a folder')
    await page.getByText('5 of 6 stored, 1 failed').waitFor()
    assert.deepEqual(await storedIn(admin), digestsOf([...good, fileOf('inside/deep.txt', 'deep')]))
  },
)

test(
  'a folder that is dropped from a disk comes with all that is in it, by its path',
  chromium,
  async (t) => {
    const { key, admin } = await newTenant('tree')
    const page = await browser.visit(t, { key })
    // A drag is told once, to a page that is there.
    await page.getByRole('button', { name: 'Choose files' }).waitFor()
    const tree = join(newFolder('entrepot-tree-'), 'tree')
    await mkdir(join(tree, 'a', 'b'), { recursive: true })
    await mkdir(join(tree, 'empty'))
    const inside = Array.from({ length: 120 }, (_, at) => fileOf(`tree/a/b/${at}.txt`, `${at}`))
    const files = [...inside, fileOf('tree/top.txt', 'top')]
    for (const { name, buffer } of files) await writeFile(join(tree, '..', name), buffer)
    const session = await page.context().newCDPSession(page)
    const data = { items: [], files: [tree], dragOperationsMask: 1 }
    await session.send('Input.dispatchDragEvent', { type: 'dragEnter', x: 600, y: 400, data })
    await session.send('Input.dispatchDragEvent', { type: 'dragOver', x: 600, y: 400, data })
    await page.getByText('Drop to upload to default').waitFor()
    await session.send('Input.dispatchDragEvent', { type: 'drop', x: 600, y: 400, data })
    await until(async () => (await storedIn(admin)).size === files.length)
    assert.deepEqual(await storedIn(admin), digestsOf(files))
  },
)

test('a session that ends holds the queue until somebody is signed in again', chromium, async (t) => {
  const { key, admin } = await newTenant('session')
  const isExpected = (problem: string) => problem.startsWith('401 ')
  const page = await browser.visit(t, { key, path: 'uploads', isExpected })
  await page.getByRole('button', { name: 'Choose files' }).waitFor()
  await page.context().clearCookies()
  const files = Array.from({ length: 8 }, (_, at) => fileOf(`${at}.txt`, randomBytes(100)))
  await choose(page, files)
  await page.getByRole('textbox', { name: 'API key' }).fill(key)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('8 of 8 stored').waitFor()
  assert.deepEqual(await storedIn(admin), digestsOf(files))
})

test('a file that changes while it is sent fails, and says why', chromium, async (t) => {
  const { key, admin } = await newTenant('changed')
  const path = join(newFolder('entrepot-changed-'), 'changing.bin')
  await writeFile(path, randomBytes(2_000_000))
  const isExpected = (problem: string) => problem.includes('ERR_UPLOAD_FILE_CHANGED')
  const page = await browser.visit(t, { key, path: 'uploads', isExpected })
  await setNetwork(page, { bytesPerSecond: 400_000 })
  await choose(page, path)
  await untilSent(page, 'changing.bin')
  await page.getByRole('button', { name: 'Pause changing.bin' }).click()
  await writeFile(path, randomBytes(2_000_000))
  await utimes(path, new Date(), new Date(Date.now() + 10_000))
  await page.getByRole('button', { name: 'Resume changing.bin' }).click()
  await rowOf(page, 'changing.bin')
    .getByText(/cannot be read: it was changed/)
    .waitFor()
  assert.deepEqual(await storedIn(admin), new Map())
})

test('a file that changes while it is read is told to be mixed', chromium, async (t) => {
  const { key, admin } = await newTenant('mixed')
  const path = join(newFolder('entrepot-mixed-'), 'mixed.bin')
  await writeFile(path, Buffer.alloc(2_000_000, 'a'))
  const page = await browser.visit(t, { key, path: 'uploads' })
  await setNetwork(page, { bytesPerSecond: 800_000 })
  await choose(page, path)
  await untilSent(page, 'mixed.bin')
  await writeFile(path, Buffer.alloc(2_000_000, 'b'))
  await utimes(path, new Date(), new Date(Date.now() + 10_000))
  await rowOf(page, 'mixed.bin')
    .getByText(/may be some of both/)
    .waitFor()
  assert.deepEqual([...(await storedIn(admin)).keys()], ['mixed.bin'])
})

test('without a network uploads wait, and go on with it', chromium, async (t) => {
  const { key, admin } = await newTenant('offline')
  const isExpected = (problem: string) => problem.startsWith('net::ERR_INTERNET_DISCONNECTED')
  const page = await browser.visit(t, { key, path: 'uploads', isExpected })
  await setNetwork(page, { bytesPerSecond: 400_000 })
  const file = fileOf('offline.bin', randomBytes(2_000_000))
  await choose(page, [file])
  await untilSent(page, 'offline.bin')
  await page.getByRole('button', { name: 'Pause offline.bin' }).click()
  await setNetwork(page, { offline: true })
  await page.getByRole('button', { name: 'Resume offline.bin' }).click()
  const later = fileOf('later.txt', 'later')
  await choose(page, [later])
  await page.getByText('There is no network. Uploads go on with it.').waitFor()
  await rowOf(page, 'offline.bin')
    .getByText(/There is no network. Trying again./)
    .waitFor()
  await rowOf(page, 'later.txt').getByText('Waiting').waitFor()
  await setNetwork(page, {})
  await page.getByText('2 of 2 stored').waitFor()
  assert.deepEqual(await storedIn(admin), digestsOf([file, later]))
})

test('ten thousand files at once leave the page quick, and few rows in the document', chromium, async (t) => {
  const { key } = await newTenant('many')
  // Stored before it could be cancelled.
  const isExpected = (problem: string) => problem.startsWith('403 DELETE /transfer/')
  const page = await browser.visit(t, { key, path: 'uploads', isExpected })
  const files = Array.from({ length: 10_000 }, (_, at) => ({ name: `${at}.txt`, text: String(at) }))
  const letGo = await drop(page, files)
  await page.evaluate(() => {
    let last = performance.now()
    Reflect.set(globalThis, 'longestMs', 0)
    const tick = () => {
      const now = performance.now()
      Reflect.set(globalThis, 'longestMs', Math.max(Reflect.get(globalThis, 'longestMs'), now - last))
      last = now
      setTimeout(tick)
    }
    tick()
  })
  await letGo()
  await page.getByText(/of 10,000 stored/).waitFor()
  await page.getByRole('button', { name: 'Pause all' }).click()
  await page.getByRole('button', { name: 'Resume all' }).waitFor()
  assert.ok((await page.getByRole('row').count()) < 120)
  await page.getByRole('button', { name: 'Cancel all' }).click()
  await answerYes(page, 'Cancel uploads')
  await page.getByRole('button', { name: 'Cancel all' }).waitFor({ state: 'detached' })
  const longestMs = await page.evaluate(() => Reflect.get(globalThis, 'longestMs') as number)
  t.diagnostic(`the page was held up for ${Math.round(longestMs)} ms at most`)
  assert.ok(longestMs < 1500)
})

test('uploads of other clients are listed with what has come, and can be ended', chromium, async (t) => {
  const { key, admin, tus } = await newTenant('others')
  const link = await tus.created(1000, { filename: 'theirs.txt' })
  await patch(link, 0, 'x'.repeat(250))
  const page = await browser.visit(t, { key, path: 'uploads' })
  await rowOf(page, 'theirs.txt')
    .getByText(/250 ?B of 1 ?kB/)
    .waitFor()
  await page.getByRole('button', { name: 'Cancel theirs.txt' }).click()
  await answerYes(page, 'Cancel upload')
  await rowOf(page, 'theirs.txt').waitFor({ state: 'detached' })
  assert.deepEqual(await pendingOf(admin), [])
  assert.equal((await patch(link, 250, 'x'.repeat(750))).status, 410)
})

test(
  'the browser asks before a page with uploads under way is left, and not without',
  chromium,
  async (t) => {
    const { key } = await newTenant('leaving')
    const page = await browser.visit(t, { key, path: 'uploads' })
    const asked: string[] = []
    page.on('dialog', (dialog) => {
      asked.push(dialog.type())
      void dialog.dismiss()
    })
    await setNetwork(page, { bytesPerSecond: 100_000 })
    await choose(page, [fileOf('leaving.bin', randomBytes(1_000_000))])
    await untilSent(page, 'leaving.bin')
    await page.close({ runBeforeUnload: true })
    await until(() => asked.length > 0)
    assert.deepEqual(asked, ['beforeunload'])
    await page.getByRole('button', { name: 'Cancel leaving.bin' }).click()
    await page.getByText('Nothing is being uploaded from this page').waitFor()
    const closed = page.waitForEvent('close')
    await page.close({ runBeforeUnload: true })
    await closed
  },
)

test('a viewer has no uploads: no page, no drop, and the server refuses one', chromium, async (t) => {
  const key = await browser.server.newKey({ role: 'viewer' })
  const page = await browser.visit(t, { key, path: 'uploads', isExpected: is('403 POST /tus') })
  await page.getByText('Not for your role').waitFor()
  assert.equal(await page.getByRole('link', { name: 'Uploads', exact: true }).count(), 0)
  await (await drop(page, [{ name: 'a.txt', text: 'a' }]))()
  assert.equal(await page.getByText('Drop to upload').count(), 0)
  const status = await page.evaluate(async () => {
    const headers = { 'tus-resumable': '1.0.0', 'upload-length': '1' }
    return (await fetch('../tus', { method: 'POST', headers })).status
  })
  assert.equal(status, 403)
})

function is(expected: string): (problem: string) => boolean {
  return (problem) => problem === expected
}

/** Offsets of the parts that the page sends from now on. */
function offsetsOf(page: Page): number[] {
  const offsets: number[] = []
  page.on('request', (request) => {
    if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']))
  })
  return offsets
}

/** Until some of the file is on its way. */
async function untilSent(page: Page, name: string): Promise<void> {
  await rowOf(page, name)
    .getByText(/\b([5-9]|\d\d) %/)
    .waitFor()
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000
  while (!(await isSo())) {
    assert.ok(Date.now() < end, 'it did not come to it')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { FileBody } from '../../src/admin/files/schemas.ts'
import { AdminClient } from '../admin-client.ts'
import { ConsoleTest, type VisitOptions, whyNoConsole } from './harness.ts'
import { chinesePdf, imagePdf, longPdf, pdfWithScript } from './pdf-sample.ts'

const skip = { skip: whyNoConsole }
/** The smallest PNG: one pixel. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

const console = new ConsoleTest()
/** What files ask for that want something from elsewhere. */
const hits: string[] = []
const outside = createServer(({ url }, response) => {
  hits.push(url ?? '')
  response.setHeader('access-control-allow-origin', '*')
  response.end()
})
let outsideUrl: string

before(async () => {
  outside.listen(0, '127.0.0.1')
  await once(outside, 'listening')
  outsideUrl = `http://127.0.0.1:${(outside.address() as AddressInfo).port}/`
})
after(() => void outside.close())

function stored(content: string | Uint8Array, filename: string, filetype: string): Promise<FileBody> {
  return new AdminClient(console.server).stored(content, { filename, filetype })
}

async function visit(t: TestContext, { id }: FileBody, options: VisitOptions = {}): Promise<Page> {
  const page = await console.visit(t, { path: `files/${id}`, ...options })
  // The title of a page that loads is another.
  await page.getByRole('heading', { name: 'Details' }).waitFor()
  return page
}

/** Nothing of the file has run, has been asked for, or is in the document as markup. */
async function assertInert(page: Page): Promise<void> {
  assert.equal(await page.evaluate(() => Reflect.get(globalThis, 'ran')), undefined)
  assert.equal(await page.locator('main :is(script, iframe, object, embed, base, foreignObject)').count(), 0)
  assert.deepEqual(hits, [])
}

const text = (page: Page) => page.getByLabel('Text of the file')

test(
  'a file whose name shows nothing can be seen, and its title does not turn what stands behind it',
  skip,
  async (t) => {
    const file = await stored('Hello', 'a.txt', 'text/plain')
    for (const [name, shown, title] of [
      ['\u200b\u3164 \u2800', 'without a visible name', 'without a visible name · Entrepot'],
      ['invoice\u202egpj.exe', 'invoice\u202egpj.exe', 'invoicegpj.exe · Entrepot'],
    ] as const) {
      await new AdminClient(console.server).change(file.id, { name })
      const page = await visit(t, file)
      assert.equal(await page.getByRole('heading', { level: 1 }).locator('bdi').textContent(), shown)
      assert.equal(await page.title(), title)
      await page.context().close()
    }
  },
)

test('names of any kind are text, and keep their direction to themselves', skip, async (t) => {
  const names = [
    `<img src=x onerror="ran=1"><script>ran=1</script>.txt`,
    'invoice\u202Egpj.exe',
    'تقرير السنة 2026.pdf',
    '🏴‍☠️ treasure 👩🏽‍🚀.txt',
    `${'x'.repeat(2990)}日本語.txt`,
  ]
  for (const name of names) {
    const file = await stored('Hello', 'a.txt', 'text/plain')
    // tus takes no name of 3,000 characters.
    assert.equal((await new AdminClient(console.server).change(file.id, { name })).status, 200)
    const page = await visit(t, file)
    const title = page.getByRole('heading', { level: 1 }).locator('bdi')
    const shown = (await title.textContent()) ?? ''
    assert.equal(shown, name)
    const whole = page.getByRole('button', { name: 'Whole name' })
    assert.equal(await whole.count(), name.length > 2000 ? 1 : 0)
    assert.equal(await page.locator('dd bdi').first().textContent(), name)
    await assertInert(page)
    const width = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    assert.ok(width <= 0, `the page is ${width} px too wide`)
    await page.context().close()
  }
})

test('an SVG is drawn, and nothing in it runs or is loaded', skip, async (t) => {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40" height="20"
    onload="globalThis.ran=1; fetch('${outsideUrl}onload')">
    <script>globalThis.ran=1; fetch('${outsideUrl}script')</script>
    <script href="${outsideUrl}script.js"/><style>@import url(${outsideUrl}style)</style>
    <image href="${outsideUrl}image" width="9" height="9"/><use href="${outsideUrl}use.svg#a"/>
    <foreignObject width="9" height="9"><iframe xmlns="http://www.w3.org/1999/xhtml" src="${outsideUrl}frame"/></foreignObject>
    <rect width="40" height="20" fill="red"/></svg>`
  const page = await visit(t, await stored(svg, 'a.svg', 'image/svg+xml'))
  const image = page.getByAltText('Content of the file')
  await page.waitForFunction(() => document.querySelector<HTMLImageElement>('main img')?.naturalWidth === 40)
  assert.match((await image.getAttribute('src')) ?? '', /^blob:/)
  await assertInert(page)
})

test('the address of an image leads nowhere once it is drawn', skip, async (t) => {
  const isExpected = (problem: string) => /^net::ERR_FILE_NOT_FOUND GET blob:/.test(problem)
  const page = await visit(t, await stored(PNG, 'a.png', 'image/png'), { isExpected })
  await page.waitForFunction(() => document.querySelector<HTMLImageElement>('main img')?.complete)
  const opens = await page.evaluate(async () => {
    const src = document.querySelector<HTMLImageElement>('main img')?.src ?? ''
    const frame = document.createElement('img')
    frame.src = src
    return new Promise((resolve) => {
      frame.onload = () => resolve(true)
      frame.onerror = () => resolve(false)
    })
  })
  assert.equal(opens, false)
})

test('HTML is its source', skip, async (t) => {
  const html = `<script>ran=1; fetch('${outsideUrl}html')</script><img src="${outsideUrl}img" onerror="ran=1"></textarea><b>bold`
  const page = await visit(t, await stored(html, 'a.html', 'text/html'))
  await page.getByText('All of it, read as utf-8').waitFor()
  assert.equal(await text(page).textContent(), html)
  await assertInert(page)
})

test('bytes that are several things are only what their type says', skip, async (t) => {
  const script = `globalThis.ran=1;fetch('${outsideUrl}polyglot')`
  // Begins as a GIF, is a script, and ends in HTML.
  const polyglot = `GIF89a/*\0\0*/=0;${script}//<script>${script}</script>`
  const image = await visit(t, await stored(polyglot, 'a.gif', 'image/gif'))
  await image.getByText('The browser cannot draw this image.').waitFor()
  await assertInert(image)
  const script2 = await visit(t, await stored(polyglot, 'a.js', 'text/javascript'))
  await script2.getByText('All of it').waitFor()
  await assertInert(script2)
  const both = Buffer.concat([pdfWithScript(outsideUrl), Buffer.from(`<script>${script}</script>`)])
  const pdf = await visit(t, await stored(both, 'a.pdf', 'application/pdf'))
  await pdf.getByText('Page 1 of 2').waitFor()
  await assertInert(pdf)
})

test('a PDF is drawn page by page, with its text, and its scripts do nothing', skip, async (t) => {
  const page = await visit(t, await stored(pdfWithScript(outsideUrl), 'a.pdf', 'application/pdf'))
  await page.getByText('Page 1 of 2').waitFor()
  await page.waitForFunction(isDrawn)
  await page.getByText('Text of this page').click()
  const written = page.getByRole('textbox', { name: 'Text of this page' })
  await page.waitForFunction(() => document.querySelector('textarea')?.value === 'Hello harbour')
  await page.getByRole('button', { name: 'Next page' }).click()
  await page.getByText('Page 2 of 2').waitFor()
  await page.waitForFunction(() => document.querySelector('textarea')?.value === 'Second page')
  assert.equal(await written.inputValue(), 'Second page')
  await page.waitForFunction(isDrawn)
  assert.ok(await page.getByRole('button', { name: 'Next page' }).isDisabled())
  await assertInert(page)
})

/** Whether anything but white is on the canvas. */
function isDrawn(): boolean {
  const canvas = document.querySelector('canvas')
  const pixels = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? []
  return pixels.some((value, at) => at % 4 !== 3 && value < 100 && pixels[at - (at % 4) + 3] === 255)
}

test('of a page as long as a road the top is shown', skip, async (t) => {
  const page = await visit(t, await stored(longPdf(), 'a.pdf', 'application/pdf'))
  await page.getByText('only its top is shown').waitFor()
  assert.ok(await page.evaluate(() => (document.querySelector('canvas')?.clientHeight ?? 0) < 20_000))
})

test('a PDF in Chinese is read by what the console brings along', skip, async (t) => {
  const page = await visit(t, await stored(chinesePdf(), 'a.pdf', 'application/pdf'))
  await page.getByText('Page 1 of 1').waitFor()
  await page.getByText('Text of this page').click()
  await page.waitForFunction(() => document.querySelector('textarea')?.value === '你好')
})

test('an image in a PDF that browsers do not read is drawn, without compiled code', skip, async (t) => {
  const page = await visit(t, await stored(imagePdf(), 'a.pdf', 'application/pdf'))
  await page.getByText('Page 1 of 1').waitFor()
  await page.waitForFunction(isDrawn)
})

test('a PDF that cannot be read says so', skip, async (t) => {
  const page = await visit(t, await stored('%PDF-1.7 broken', 'a.pdf', 'application/pdf'))
  await page.getByText('This PDF cannot be read.').waitFor()
})

test('a picture of a long page is as wide as it is, and scrolled by keyboard, too', skip, async (t) => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="9000"><rect width="300" height="9000"/></svg>'
  const page = await visit(t, await stored(svg, 'a.svg', 'image/svg+xml'))
  const frame = page.getByRole('region', { name: 'The image' })
  await frame.waitFor()
  assert.ok(((await page.getByAltText('Content of the file').boundingBox())?.width ?? 0) >= 300)
  assert.ok(((await frame.boundingBox())?.height ?? 0) <= 640)
  await frame.press('End')
  await page.waitForFunction(
    () => (document.querySelector('[aria-label="The image"]')?.scrollTop ?? 0) > 8000,
  )
})

test('a PDF whose bytes do not come is not called broken, and is there once they do', skip, async (t) => {
  const options = { isExpected: (problem: string) => problem.includes('/content') }
  const page = await visit(t, await stored(longPdf(), 'a.pdf', 'application/pdf'), options)
  await page.getByText('Page 1 of').waitFor()
  await page.route('**/content', (route) => route.abort('connectionrefused'))
  await page.reload()
  await page.getByText('The server cannot be reached.').waitFor()
  await page.unroute('**/content')
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByText('Page 1 of').waitFor()
})

test('an empty file is said to be empty, and what is typed outlives the session', skip, async (t) => {
  const options = { isExpected: (problem: string) => problem.startsWith('401 PATCH') }
  const page = await visit(t, await stored('', 'a.txt', 'text/plain'), options)
  const preview = page.getByRole('region', { name: 'Preview' })
  await preview.getByText('The file is empty.').waitFor()
  assert.equal(await preview.getByRole('link').count(), 0)
  await page.getByRole('button', { name: 'Edit description' }).click()
  await page.getByLabel('Description', { exact: true }).fill('typed')
  await page.context().clearCookies()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('dialog', { name: 'You are signed out' }).waitFor()
  const form = page.getByRole('form', { name: 'Edit description' })
  assert.equal((await form.textContent())?.includes('key'), false)
  assert.equal(await page.getByLabel('Description', { exact: true }).inputValue(), 'typed')
})

test('the policy of the page and the server outside are what would tell', skip, async (t) => {
  const page = await visit(t, await stored('Hello', 'a.txt', 'text/plain'), {
    isExpected: (problem) => /^violated: |^logged: |^thrown: |blocked|ERR_FAILED|csp/.test(problem),
  })
  const violated = await page.evaluate(async (url) => {
    const seen: string[] = []
    addEventListener('securitypolicyviolation', ({ effectiveDirective }) => seen.push(effectiveDirective))
    try {
      document.body.innerHTML = '<b>markup</b>'
    } catch {}
    new Image().src = `${url}image`
    await fetch(`${url}fetch`).catch(() => {})
    const script = document.createElement('script')
    try {
      script.text = 'ran = 1'
    } catch {}
    while (seen.length < 4) await new Promise((resolve) => setTimeout(resolve, 10))
    return seen.sort()
  }, outsideUrl)
  assert.deepEqual(violated, [
    'connect-src',
    'img-src',
    'require-trusted-types-for',
    'require-trusted-types-for',
  ])
  await assertInert(page)
  await fetch(`${outsideUrl}control`)
  assert.deepEqual(hits.splice(0), ['/control'])
})

test('texts are read in their encoding, and of long ones the beginning is shown', skip, async (t) => {
  const texts = [
    [Buffer.from('Grüße'), 'text/plain', 'Grüße', 'utf-8'],
    [Buffer.from('Gr\xfc\xdfe', 'latin1'), 'text/plain', 'Grüße', 'windows-1252'],
    [Buffer.from('\uFEFFGrüße', 'utf16le'), 'text/csv', 'Grüße', 'utf-16le'],
    [
      Buffer.from([0x83, 0x65, 0x83, 0x58, 0x83, 0x67]),
      'text/plain; charset=Shift_JIS',
      'テスト',
      'shift_jis',
    ],
    [Buffer.from('{"a":1}'), 'application/json', '{"a":1}', 'utf-8'],
  ] as const
  for (const [bytes, type, expected, encoding] of texts) {
    const page = await visit(t, await stored(bytes, 'a', type))
    await page.getByText(`read as ${encoding}`).waitFor()
    assert.equal(await text(page).textContent(), expected)
    await page.context().close()
  }
  // A character of two bytes is cut in half.
  const page = await visit(t, await stored(`x${'ü'.repeat(200_000)}`, 'a.txt', 'text/plain'))
  await page.getByText('The first 262 kB of 400 kB, read as utf-8').waitFor()
  assert.equal(await text(page).textContent(), `x${'ü'.repeat(131_071)}`)
})

test('what has no preview says so, and offers the bytes', skip, async (t) => {
  const page = await visit(t, await stored(PNG, 'a.bin', 'application/zip'))
  await page.getByText('Files of this type have no preview.').waitFor()
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download', exact: true }).click(),
  ])
  assert.equal(download.suggestedFilename(), 'a.bin')
})

test('a name, labels and the end are changed beside the field, and taken back', skip, async (t) => {
  const admin = new AdminClient(console.server)
  const file = await stored('Hello', 'before.txt', 'text/plain')
  await admin.change(file.id, { labels: { team: 'blue' }, expiry: { policy: 'since_last_active', days: 3 } })
  const { body: original } = await admin.get(file.id)
  const page = await visit(t, file, { isExpected: (problem) => problem.startsWith('400 PATCH') })
  const undo = () => page.getByRole('button', { name: 'Undo' }).click()

  await page.getByRole('button', { name: 'Edit name' }).click()
  const name = page.getByRole('textbox', { name: 'Name' })
  await name.fill('a\u0000b')
  await page.getByRole('button', { name: 'Save' }).click()
  await page
    .getByRole('alert')
    .filter({ hasText: /control/ })
    .waitFor()
  assert.equal(await name.inputValue(), 'a\u0000b')
  await name.fill('after.txt')
  await name.press('Enter')
  await page.getByRole('heading', { name: 'after.txt' }).waitFor()
  assert.equal((await admin.get(file.id)).body.name, 'after.txt')
  await undo()
  await page.getByRole('heading', { name: 'before.txt' }).waitFor()

  await page.getByRole('button', { name: 'Edit labels' }).click()
  await page.getByLabel('Name of label 2').fill('team')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('There are two labels of the name team.').waitFor()
  await page.getByLabel('Name of label 2').fill('year')
  await page.getByLabel('Value of label 2').fill('2026')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Labels changed').waitFor()
  assert.deepEqual((await admin.get(file.id)).body.labels, { team: 'blue', year: '2026' })
  await undo()

  await page.getByRole('button', { name: 'Edit the end' }).click()
  await page.getByLabel('The file ends').selectOption('never')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('It stays until it is deleted.').waitFor()
  assert.equal((await admin.get(file.id)).body.expiresAt, null)
  await undo()
  await page.getByText('It ends 3 days after it was last used').waitFor()
  const { updatedAt: _, ...now } = (await admin.get(file.id)).body
  const { updatedAt: __, ...then } = original
  assert.deepEqual({ ...now, lastActiveAt: 0, expiresAt: 0 }, { ...then, lastActiveAt: 0, expiresAt: 0 })
})

test('a link is made, used without a key, and ended', skip, async (t) => {
  const page = await visit(t, await stored('Hello', 'a.txt', 'text/plain'), {
    isExpected: (problem) => problem.startsWith('400 POST'),
  })
  const form = page.getByRole('form', { name: 'New link' })
  await form.getByLabel('It works for').fill('8')
  await form.getByLabel('Unit').selectOption('days')
  await form.getByRole('button').click()
  await form.getByText('A link lives from 1 minute to 7 days.').waitFor()
  await form.getByLabel('Unit').selectOption('hours')
  // The browser has the time of this machine.
  await page.clock.setFixedTime(console.server.clock.now())
  await form.getByRole('button').click()
  const row = page.getByRole('list', { name: 'Links' }).getByRole('listitem')
  await row.getByText('Ends in 8 hours').waitFor()
  const url = (await row.locator('bdi').first().textContent()) ?? ''
  assert.equal(await (await fetch(url)).text(), 'Hello')
  await row.getByRole('button', { name: 'End the link' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'End the link' }).click()
  await row.waitFor({ state: 'detached' })
  assert.equal((await fetch(url)).status, 403)
})

test('ids and programs of each API are chosen by keyboard, and copied', skip, async (t) => {
  const file = await stored('Hello', 'a.txt', 'text/plain')
  const page = await visit(t, file, { context: { permissions: ['clipboard-read', 'clipboard-write'] } })
  const apis = page.getByRole('tablist', { name: 'APIs' })
  await apis.getByRole('tab', { name: 'OpenAI' }).click()
  const id = `file-${file.id.replaceAll('-', '')}`
  await page.getByText(id, { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Copy the ID of OpenAI' }).click()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), id)
  await page.keyboard.press('Tab')
  await apis.getByRole('tab', { name: 'OpenAI' }).press('Home')
  const first = apis.getByRole('tab').first()
  assert.equal(await first.getAttribute('aria-selected'), 'true')
  assert.ok(await first.evaluate((tab) => tab === document.activeElement))
  await page.getByRole('tablist', { name: 'Languages' }).getByRole('tab', { name: 'Python' }).click()
  await page.getByText('from anthropic import Anthropic').first().waitFor()
})

test('a file is copied to another project and deleted after one question', skip, async (t) => {
  const { services } = console.server.app
  const organization = await services.metadata.findOrganization('default')
  const admin = new AdminClient(console.server)
  await admin.send('POST', '/projects', { slug: 'archive', organization: organization?.id })
  const file = await stored('Hello', 'a.txt', 'text/plain')
  const page = await visit(t, file)
  await page.getByRole('button', { name: 'Copy to…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Project').selectOption('archive')
  await dialog.getByLabel('Name').fill('copy.txt')
  await dialog.getByRole('button', { name: 'Copy', exact: true }).click()
  await page.getByRole('heading', { name: 'copy.txt' }).waitFor()
  const [, id = ''] = /files\/([\da-f-]{36})/.exec(page.url()) ?? []
  assert.equal((await admin.get(id)).body.project.slug, 'archive')
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  assert.equal((await admin.get(id)).status, 200)
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.waitForURL((url) => url.pathname === '/console/')
  assert.equal((await admin.get(id)).status, 404)
})

test('a viewer sees the file, and nothing that changes it', skip, async (t) => {
  const key = await console.server.newKey({ role: 'viewer' })
  const page = await visit(t, await stored('Hello', 'a.txt', 'text/plain'), { key })
  await page.getByText('All of it').waitFor()
  for (const name of [/^Edit/, 'Delete', 'Copy to…', 'Make a link'])
    assert.equal(await page.getByRole('button', { name, exact: true }).count(), 0, String(name))
})

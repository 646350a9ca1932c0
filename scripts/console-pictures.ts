/**
 * Makes the pictures of docs/console.md: every page of the console, light and dark, on a desk and on a phone, of a server that
 * was filled for it. `npm run pictures`; it needs Chromium. Names of pages as arguments choose some of them.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'
import { chromiumProgram } from '../test/browser/chromium.ts'
import { fillSample, pagesOf, untilReady } from '../test/console/sample-installation.ts'
import { dialectClients } from '../test/dialect-clients.ts'
import { TestServer } from '../test/harness.ts'

type Cookies = Awaited<ReturnType<BrowserContext['cookies']>>

const ROOT = join(import.meta.dirname, '..')
const FOLDER = join(ROOT, 'docs/console')
const QUALITY = 70
const BETWEEN_LOOKS_MS = 400
const MAX_LOOKS = 20
const sizes = { wide: { width: 1280, height: 800 }, phone: { width: 375, height: 720 } } as const
const themes = ['light', 'dark'] as const

execFileSync(process.execPath, [join(ROOT, 'scripts/build-console.mjs'), '--if-stale'], { stdio: 'inherit' })
mkdirSync(FOLDER, { recursive: true })
const chosen = process.argv.slice(2)
const server = await TestServer.start()
const browser = await chromium.launch({ executablePath: chromiumProgram(), args: ['--no-sandbox'] })
try {
  const pages = pagesOf(await fillSample(server))
  const cookies = await signIn()
  for (const page of pages.filter(({ name }) => chosen.length === 0 || chosen.includes(name)))
    for (const size of Object.keys(sizes) as (keyof typeof sizes)[])
      for (const theme of themes) await picture(browser, cookies, page, size, theme)
} finally {
  await browser.close()
  await server.stop()
}

async function picture(
  browser: Browser,
  cookies: Cookies,
  { name, path }: ReturnType<typeof pagesOf>[number],
  size: keyof typeof sizes,
  theme: (typeof themes)[number],
): Promise<void> {
  const context = await browser.newContext({
    viewport: sizes[size],
    colorScheme: theme,
    // What moves is where it ends.
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
  })
  try {
    if (name !== 'sign-in') await context.addCookies(cookies)
    const page = await context.newPage()
    await page.clock.setFixedTime(server.clock.now())
    await page.goto(`${server.url}/console/${path}`)
    await untilReady(page)
    if (name === 'activity') await causeActivity()
    const session = await context.newCDPSession(page)
    let data = ''
    // What is loaded late is there once two looks show the same.
    for (let looks = 0, before = '-'; data !== before && looks < MAX_LOOKS; looks++) {
      before = data
      await setTimeout(BETWEEN_LOOKS_MS)
      data = (await session.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY })).data
    }
    writeFileSync(join(FOLDER, `${name}-${size}-${theme}.webp`), Buffer.from(data, 'base64'))
  } finally {
    await context.close()
  }
}

/** One session for all pictures. */
async function signIn(): Promise<Cookies> {
  const context = await browser.newContext()
  const answer = await context.request.post(`${server.url}/admin/v1/sessions`, {
    data: { key: server.key },
    headers: { origin: server.url },
  })
  if (!answer.ok()) throw new Error(`signing in was answered with ${answer.status()}`)
  const cookies = await context.cookies()
  await context.close()
  return cookies
}

/** Requests through every API, of which some are refused. */
async function causeActivity(): Promise<void> {
  for (const client of dialectClients(server)) {
    const id = await client.create({ name: 'note.txt', mimeType: 'text/plain', content: 'A note.', days: 1 })
    await client.bytes(id)
    await client.delete?.(id)
    await client.read(id)
  }
}

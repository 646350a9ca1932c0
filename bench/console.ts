/**
 * Measures how long the console takes to show a million files to a browser that has never seen it, and to find some of them:
 *
 *   npm run bench:console
 *
 * from the call of its address to the first row, ten times; and, once the server has its index of names, which takes some
 * minutes, from the request of a search to the first row that fits, five times each. Fails if a view takes a second, or a
 * search 300 ms. It needs Chromium.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { chromiumProgram } from '../test/browser/chromium.ts'
import { ROOT_KEY } from '../test/faults/server-process.ts'
import { startFilled } from './peers/our-server.ts'
import { Places } from './places.ts'
import { describeMachine, today } from './session.ts'

const FILES = 1_000_000
const VIEWS = 10
const AT_MOST_MS = 1000

/** Names are `file 1.pdf` to `file 1000000.pdf`. No part twice: the server keeps pages while nothing changes. */
const PARTS = {
  'one file': ['123456', '234567', '345678', '456789', '567891'],
  'some thousands': ['999', '888', '777', '666', '555'],
  'a beginning': ['file 77', 'file 31', 'file 4', 'file 58', 'file 9'],
  'two characters': ['77', '31', '40', '58', '96'],
  'all files': ['pdf', '.pd', 'file', 'ile ', 'le'],
  'no file': ['zebra', 'tapir', 'okapi', 'ibex', 'gnu'],
}
const SEARCH_AT_MOST_MS = 300
/** An index that answers at once is there; before, the server looks at every name. */
const INDEXED_MS = 100

execFileSync(process.execPath, [join(import.meta.dirname, '../scripts/build-console.mjs')], {
  stdio: 'inherit',
})
const places = await Places.open()
try {
  const server = await startFilled(await places.folder('disk', 'filled'), FILES)
  const browser = await chromium.launch({ executablePath: chromiumProgram(), args: ['--no-sandbox'] })
  try {
    console.log(`${today()}. ${describeMachine()}`)
    const tookMs: number[] = []
    for (let view = 0; view < VIEWS; view++) tookMs.push(await firstView(browser, server.url))
    const shown = tookMs.map((ms) => ms.toFixed(0))
    console.log(`first view of ${FILES.toLocaleString('en-US')} files: ${shown.join(' ')} ms`)
    if (Math.max(...tookMs) >= AT_MOST_MS) process.exitCode = 1
    await measureSearches(browser, server.url)
  } finally {
    await browser.close()
    await server.end('SIGTERM')
  }
} finally {
  await places.remove()
}

/** @returns milliseconds. Nothing of an earlier view is kept. */
async function firstView(browser: Browser, url: string): Promise<number> {
  const context = await signedIn(browser, url)
  try {
    const page = await context.newPage()
    const begin = performance.now()
    await page.goto(`${url}/console/`, { waitUntil: 'commit' })
    await firstRow(page)
    return performance.now() - begin
  } finally {
    await context.close()
  }
}

async function signedIn(browser: Browser, url: string): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const signIn = { data: { key: ROOT_KEY }, headers: { origin: url } }
  const { ok, status } = await context.request.post(`${url}/admin/v1/sessions`, signIn)
  if (!ok) throw new Error(`signing in was answered with ${status}`)
  return context
}

async function firstRow(page: Page, part = ''): Promise<void> {
  await page
    .locator('a', { hasText: part })
    .filter({ hasText: /\.(pdf|txt)$/ })
    .first()
    .waitFor()
}

async function measureSearches(browser: Browser, url: string): Promise<void> {
  await indexed(url)
  const context = await signedIn(browser, url)
  const page = await context.newPage()
  for (const [what, parts] of Object.entries(PARTS)) {
    const tookMs: number[] = []
    for (const part of parts) tookMs.push(await search(page, url, part, what !== 'no file'))
    console.log(`search that fits ${what}: ${tookMs.map((ms) => ms.toFixed(0)).join(' ')} ms`)
    if (Math.max(...tookMs) >= SEARCH_AT_MOST_MS) process.exitCode = 1
  }
}

async function indexed(url: string): Promise<void> {
  const headers = { authorization: `Bearer ${ROOT_KEY}` }
  for (let isThere = false, count = 0; !isThere; count++) {
    await sleep(5000)
    const begin = performance.now()
    const answer = await fetch(`${url}/admin/v1/files?name=no file ${count}`, { headers })
    const { next } = (await answer.json()) as { next: string | null }
    isThere = next === null && performance.now() - begin < INDEXED_MS
  }
}

/** @returns milliseconds from the request, which the page sends once its user has stopped typing */
async function search(page: Page, url: string, part: string, isThere: boolean): Promise<number> {
  await page.goto(`${url}/console/`)
  await firstRow(page)
  const asked = page.waitForRequest((request) => request.url().includes('name='))
  await page.getByRole('searchbox').fill(part)
  const request = await asked
  const begin = performance.now()
  // What was shown before may fit, too.
  await (await request.response())?.finished()
  if (isThere) await firstRow(page, part)
  else await page.getByText('No file matches').waitFor()
  return performance.now() - begin
}

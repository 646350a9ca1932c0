import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Environment } from '../../src/config/setting.ts'
import { chromiumProgram, whyNoChromium } from '../browser/chromium.ts'
import { TestServer } from '../harness.ts'

const BUILD = fileURLToPath(new URL('../../scripts/build-console.mjs', import.meta.url))
/** Of anything a page is waited for: a loaded machine has to be slow, not wrong. */
const TIMEOUT_MS = 20_000

/** Why the tests of the console are skipped; false: there is a Chromium. */
export const whyNoConsole = whyNoChromium()

export interface VisitOptions {
  /** Of the signed-in caller; null: nobody is signed in. By default the admin key of the first start. */
  readonly key?: string | null
  /** Where, and with which key if `key` is absent. By default the server of this file. */
  readonly server?: Pick<TestServer, 'url' | 'key'>
  /** Below `/console/`. */
  readonly path?: string
  readonly context?: BrowserContextOptions
  /** What a test provokes: of each failed request (`404 GET /admin/v1/files/x`) and each error of the page. */
  readonly isExpected?: (problem: string) => boolean
}

/** A server and a browser for the tests of one file. Each visit has a context of its own: cookies, storage, permissions. */
export class ConsoleTest {
  #server: TestServer | undefined
  #browser: Browser | undefined

  /** Starts with the tests of this file, and stops after them. */
  constructor(settings: Environment = {}) {
    before(async () => {
      if (whyNoConsole !== false) return
      execFileSync(process.execPath, [BUILD, '--if-stale'], { stdio: 'inherit' })
      this.#server = await TestServer.start(settings)
      this.#browser = await chromium.launch({
        executablePath: chromiumProgram(),
        args: ['--no-sandbox', '--disable-dev-shm-usage'],
      })
    })
    after(async () => {
      await this.#browser?.close()
      await this.#server?.stop()
    })
  }

  get server(): TestServer {
    if (this.#server === undefined) throw new Error('the server has not started')
    return this.#server
  }

  /**
   * Opens the console, signed in. At its end the test fails if the page broke its policy, threw or logged an error, or if a
   * request failed, unless it expected that.
   */
  async visit(t: TestContext, options: VisitOptions = {}): Promise<Page> {
    const { server = this.server, path = '', context: given = {}, isExpected = () => false } = options
    const { key = server.key } = options
    if (this.#browser === undefined) throw new Error('the browser has not started')
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 800 },
      locale: 'en-GB',
      timezoneId: 'UTC',
      ...given,
    })
    context.setDefaultTimeout(TIMEOUT_MS)
    const problems: string[] = []
    t.after(async () => {
      await context.close()
      assert.deepEqual(
        problems.filter((problem) => !isExpected(problem)),
        [],
      )
    })
    if (key !== null) await signIn(server.url, key, context)
    const page = await context.newPage()
    await watch(page, problems)
    await page.goto(`${server.url}/console/${path}`)
    return page
  }
}

/** As the sign-in page does it, without the page. */
async function signIn(
  url: string,
  key: string,
  { request }: Pick<Awaited<ReturnType<Browser['newContext']>>, 'request'>,
): Promise<void> {
  const answer = await request.post(`${url}/admin/v1/sessions`, { data: { key }, headers: { origin: url } })
  assert.equal(answer.status(), 201, await answer.text())
}

async function watch(page: Page, problems: string[]): Promise<void> {
  page.on('pageerror', (error) => problems.push(`thrown: ${error.stack ?? error.message}`))
  page.on('console', (message) => {
    // Chromium logs each failed request besides, which is told below.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      problems.push(`logged: ${message.text()}`)
  })
  page.on('response', (response) => {
    if (response.status() < 400) return
    const { pathname } = new URL(response.url())
    problems.push(`${response.status()} ${response.request().method()} ${pathname}`)
  })
  page.on('requestfailed', (request) => {
    // A page that is left, or asks anew, aborts what it no longer wants.
    const text = request.failure()?.errorText ?? ''
    if (text !== 'net::ERR_ABORTED') problems.push(`${text} ${request.method()} ${request.url()}`)
  })
  await page.exposeFunction('tellViolation', (what: string) => void problems.push(`violated: ${what}`))
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) => {
      const tell = Reflect.get(globalThis, 'tellViolation') as (what: string) => void
      tell(`${violatedDirective} ${blockedURI} ${sample}`)
    })
  })
}

/** The way in and out: by key and by an OpenID provider, and the page of sessions. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { FileBody } from '../../src/admin/files/schemas.ts'
import { AdminClient } from '../admin-client.ts'
import { TestServer } from '../harness.ts'
import { CLIENT_ID, CLIENT_SECRET, TestOidcProvider } from '../oidc-provider.ts'
import { ConsoleTest, whyNoConsole } from './harness.ts'

const console = new ConsoleTest()
const chromium = { skip: whyNoConsole }
const wrongKey = (problem: string) => problem === '401 POST /admin/v1/sessions'
/** Nobody is signed in, or no longer. */
const signedOut = (problem: string) => problem.startsWith('401 ')

let provider: TestOidcProvider
/** Of people with accounts at the provider. */
let server: TestServer

before(async () => {
  if (whyNoConsole !== false) return
  provider = await TestOidcProvider.start({ ada: { groups: ['staff'] }, eve: { groups: [] } })
  server = await TestServer.start({
    ENTREPOT_OIDC_ISSUER: provider.issuer,
    ENTREPOT_OIDC_CLIENT_ID: CLIENT_ID,
    ENTREPOT_OIDC_CLIENT_SECRET: CLIENT_SECRET,
    ENTREPOT_OIDC_GROUPS: 'staff=default/*:member',
    ENTREPOT_OIDC_LABEL: 'Acme',
  })
  await provider.serve(`${server.url}/admin/v1/oidc/callback`)
})
after(() => Promise.all([server?.stop(), provider?.stop()]))

async function typeKey(page: Page, key: string): Promise<void> {
  await page.getByLabel('API key', { exact: true }).fill(key)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

/** The title of the page that is shown. */
function title(page: Page, text: string): Promise<void> {
  return page.waitForFunction((wanted) => document.title.startsWith(wanted), text).then(() => undefined)
}

test('a key leads in, to the page that was asked for', chromium, async (t) => {
  const page = await console.visit(t, { key: null, path: 'sessions?project=default', isExpected: signedOut })
  await title(page, 'Sign in')
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('name')), 'key')
  await typeKey(page, ` ${console.server.key} `)
  await title(page, 'Sessions')
  assert.match(page.url(), /\/console\/sessions\?project=default$/)
  const cookie = (await page.context().cookies()).find(({ name }) => name === 'session')
  assert.deepEqual([cookie?.httpOnly, cookie?.sameSite], [true, 'Strict'])
  assert.equal(await page.evaluate(() => document.cookie), '')
})

test(
  'a wrong key is told beside the field, keeps what was typed, and can be looked at',
  chromium,
  async (t) => {
    const page = await console.visit(t, {
      key: null,
      path: 'sign-in',
      isExpected: (problem) => wrongKey(problem) || signedOut(problem),
    })
    const field = page.getByLabel('API key', { exact: true })
    await typeKey(page, 'ek_wrong')
    await page.getByText('This key is not good here').waitFor()
    assert.equal(await field.getAttribute('aria-invalid'), 'true')
    assert.equal(await field.inputValue(), 'ek_wrong')
    assert.equal(await field.getAttribute('type'), 'password')
    await page.getByRole('button', { name: 'Show API key' }).click()
    assert.equal(await field.getAttribute('type'), 'text')
    await typeKey(page, console.server.key)
    await title(page, 'Files')
  },
)

test('nothing leads from the sign-in to another site', chromium, async (t) => {
  for (const target of [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    'javascript:alert(1)',
  ]) {
    const path = `sign-in?return=${encodeURIComponent(target)}`
    const page = await console.visit(t, { path })
    await title(page, 'Files')
    assert.equal(page.url(), `${console.server.url}/console/`)
  }
})

test(
  'somebody whose key is revoked at work signs in again, and goes on where they were',
  chromium,
  async (t) => {
    const { metadata } = console.server.app.services
    const keyNamed = async (name: string) => (await metadata.listKeys(name))[0]?.id ?? ''
    const given = { userId: 'rita', role: 'member' } as const
    const key = await console.server.newKey({ ...given, name: 'first of rita' })
    const again = await console.server.newKey({ ...given, name: 'second of rita' })
    const page = await console.visit(t, { key, isExpected: signedOut })
    const search = page.getByRole('searchbox')
    await search.waitFor()
    const revokedAt = console.server.clock.now()
    await metadata.commit([{ kind: 'key.revoke', id: await keyNamed('first of rita'), revokedAt }])
    await search.fill('what I was looking for')
    const dialog = page.getByRole('dialog', { name: 'You are signed out' })
    await dialog.getByLabel('API key', { exact: true }).waitFor()
    await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'key')
    await typeKey(page, again)
    await dialog.waitFor({ state: 'detached' })
    assert.equal(await search.inputValue(), 'what I was looking for')
    // What could not be loaded is loaded now.
    await page.getByText('No file').first().waitFor()
    await page.getByRole('link', { name: 'Sessions' }).click()
    await page.getByRole('row').filter({ hasText: 'second of rita' }).waitFor()
  },
)

test('a form outlives the end of the session, and is sent after the next sign-in', chromium, async (t) => {
  const given = { userId: 'olga', role: 'admin' } as const
  const key = await console.server.newKey({ ...given, name: 'first of olga' })
  const page = await console.visit(t, { key, path: 'keys', isExpected: signedOut })
  await page.getByRole('button', { name: 'New key' }).click()
  const form = page.getByRole('dialog', { name: 'New key' })
  await form.getByLabel('Name').fill('of the form')
  await form.getByRole('checkbox', { name: 'default' }).waitFor()
  const { metadata } = console.server.app.services
  const [first] = await metadata.listKeys('first of olga')
  const revokedAt = console.server.clock.now()
  await metadata.commit([{ kind: 'key.revoke', id: first?.id ?? '', revokedAt }])
  await form.getByRole('button', { name: 'Make key' }).click()
  const dialog = page.getByRole('dialog', { name: 'You are signed out' })
  await dialog.getByLabel('API key', { exact: true }).waitFor()
  await typeKey(page, await console.server.newKey({ ...given, name: 'second of olga' }))
  await dialog.waitFor({ state: 'detached' })
  assert.equal(await form.getByLabel('Name').inputValue(), 'of the form')
  assert.equal((await form.getByRole('alert').allTextContents()).join(''), '')
  await form.getByRole('button', { name: 'Make key' }).click()
  await page.getByRole('heading', { name: 'of the form is made' }).waitFor()
})

/** Signs in on the page of uploads, and sends a file from there. */
async function signInAndUpload(t: TestContext, url: string, name: string): Promise<Page> {
  const { key } = console.server
  const page = await console.visit(t, {
    key: null,
    server: { url, key },
    path: 'uploads',
    isExpected: signedOut,
  })
  await typeKey(page, key)
  await title(page, 'Uploads')
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Choose files' }).first().click()
  await (await chooser).setFiles({ name, mimeType: 'text/plain', buffer: Buffer.from('ahoy') })
  // The page has its answer, so that nothing is cut off when the test ends.
  await page.getByText('1 of 1 stored').waitFor()
  const { body } = await new AdminClient(console.server).send<{ files: FileBody[] }>(
    'GET',
    `/files?name=${name}`,
  )
  assert.deepEqual(
    body.files.map(({ state }) => state),
    ['stored'],
  )
  return page
}

test('the names of this machine are one: a page at localhost signs in, and uploads', chromium, async (t) => {
  const url = console.server.url.replace('127.0.0.1', 'localhost')
  const page = await signInAndUpload(t, url, 'from-localhost.txt')
  assert.equal(new URL(page.url()).hostname, 'localhost')
})

test('behind a path prefix one signs in, and uploads, without a setting', chromium, async (t) => {
  const prefix = '/deep/store'
  const proxy = createServer((incoming, outgoing) => {
    const { method, url = '', headers } = incoming
    assert.ok(url.startsWith(`${prefix}/`), url)
    // As nginx does by default.
    const { host } = new URL(console.server.url)
    const target = console.server.url + url.slice(prefix.length)
    const passed = request(target, { method, headers: { ...headers, host } }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    // A page that is left ends its requests.
    passed.on('error', () => outgoing.destroy())
    outgoing.on('close', () => passed.destroy())
    incoming.pipe(passed)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.after(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  const { port } = proxy.address() as AddressInfo
  await signInAndUpload(t, `http://127.0.0.1:${port}${prefix}`, 'past-a-proxy.txt')
})

test('where another address has to be opened, that is said beside the field', chromium, async (t) => {
  const named = await TestServer.start({ ENTREPOT_PUBLIC_URL: 'https://files.example' })
  t.after(() => named.stop())
  const page = await console.visit(t, {
    key: null,
    server: named,
    isExpected: (problem) => signedOut(problem) || problem === '403 POST /admin/v1/sessions',
  })
  await typeKey(page, named.key)
  const field = page.getByLabel('API key', { exact: true })
  await page.getByText('Open https://files.example instead, or set ENTREPOT_PUBLIC_URL').waitFor()
  assert.equal(await field.getAttribute('aria-invalid'), 'true')
  assert.equal(await field.inputValue(), named.key)
})

test('what is not there is said, and no retry is offered, but the way to the files', chromium, async (t) => {
  const page = await console.visit(t, { isExpected: (problem) => /^(400|403|404) GET /.test(problem) })
  for (const path of ['files/none', `files/${crypto.randomUUID()}`, '?project=none']) {
    await page.goto(`${console.server.url}/console/${path}`)
    const alert = page.getByRole('alert').first()
    await alert.getByRole('link', { name: 'To all files' }).waitFor()
    assert.match((await alert.textContent()) ?? '', /no file|no access|not found|There is no/i)
    assert.equal(await page.getByRole('button', { name: 'Try again' }).count(), 0)
    await alert.getByRole('link').click()
    await page.waitForFunction((to) => location.href === to, `${console.server.url}/console/`)
    await alert.waitFor({ state: 'detached' })
  }
})

test('signing out ends the session, and the way back leads to the sign-in', chromium, async (t) => {
  const page = await console.visit(t, { isExpected: signedOut })
  await page.getByRole('button', { name: 'Account' }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await title(page, 'Sign in')
  assert.equal(
    (await page.context().cookies()).find(({ name }) => name === 'session'),
    undefined,
  )
  await page.goBack()
  await page.getByLabel('API key', { exact: true }).waitFor()
  await page.reload()
  await title(page, 'Sign in')
})

test(
  'a page shows nothing of who signs in after it in another tab under the name of who was there',
  chromium,
  async (t) => {
    const { key } = await console.server.newTenant('another-tab')
    const page = await console.visit(t, { path: 'keys', isExpected: signedOut })
    await page.getByText('operator · ').waitFor()
    const other = await page.context().newPage()
    await other.goto(page.url())
    await other.getByRole('button', { name: 'Account' }).click()
    await other.getByRole('menuitem', { name: 'Sign out' }).click()
    await title(other, 'Sign in')
    await typeKey(other, key)
    await title(other, 'Files')
    await page.getByText('admin · ').waitFor()
    await page.getByRole('row').filter({ hasText: 'you are signed in with it' }).waitFor()
  },
)

test('sessions are listed, and one that is ended from another browser is over', chromium, async (t) => {
  const { key } = await console.server.newTenant('two-browsers')
  const [one, other] = await Promise.all(
    ['one', 'other'].map(() => console.visit(t, { key, path: 'sessions', isExpected: signedOut })),
  )
  assert.ok(one && other)
  await one.reload()
  const rows = one.getByRole('row').filter({ hasText: 'tester' })
  await rows.nth(1).waitFor()
  assert.equal(await rows.count(), 2)
  assert.equal(await rows.filter({ hasText: 'this browser' }).count(), 1)
  await rows.filter({ hasText: 'Chrome' }).first().waitFor()
  // By the server's clock, which stands months before the browser's.
  await rows.filter({ hasText: 'just now' }).filter({ hasText: 'in 12 hours' }).waitFor()
  await one.getByRole('button', { name: /^End: tester/ }).click()
  await one.getByRole('dialog').getByRole('button', { name: 'End session' }).click()
  await one.getByText('Ended the session of tester.').waitFor()
  await rows.nth(1).waitFor({ state: 'detached' })
  await other.getByRole('link', { name: 'Files' }).click()
  await other.getByRole('dialog', { name: 'You are signed out' }).waitFor()
})

test('one signs out on the page of sessions, too', chromium, async (t) => {
  const { key } = await console.server.newTenant('own-session')
  const page = await console.visit(t, { key, path: 'sessions', isExpected: signedOut })
  await page.getByRole('button', { name: /^Sign out: tester/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click()
  await title(page, 'Sign in')
})

test('people sign in with an account, and come back to where they were', chromium, async (t) => {
  const page = await console.visit(t, {
    key: null,
    server,
    path: 'sessions?project=default',
    isExpected: signedOut,
  })
  await page.getByRole('link', { name: 'Sign in with Acme' }).click()
  await page.getByLabel('Account').fill('ada')
  await page.getByRole('button', { name: 'Log in' }).click()
  await title(page, 'Sessions')
  assert.match(page.url(), /\/console\/sessions\?project=default$/)
  const row = page.getByRole('row').filter({ hasText: 'ada' })
  await row.getByText('this browser').waitFor()
  await row.getByText('an account').waitFor()
})

test('an account without a group is told so on the page of sign-in', chromium, async (t) => {
  const page = await console.visit(t, { key: null, server, path: 'sessions', isExpected: signedOut })
  await page.getByRole('link', { name: 'Sign in with Acme' }).click()
  await page.getByLabel('Account').fill('eve')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByText('Your account is in no group').waitFor()
  await typeKey(page, server.key)
  await title(page, 'Sessions')
})

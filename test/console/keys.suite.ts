/** Keys, projects and quotas in a browser: made, used, revoked, and who sees what. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import OpenAI, { toFile } from 'openai'
import type { Page } from 'playwright-core'
import { AdminClient } from '../admin-client.ts'
import { ConsoleTest, whyNoConsole } from './harness.ts'

const console = new ConsoleTest()
const skip = whyNoConsole

const rowOf = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name })

async function makeKey(
  page: Page,
  name: string,
  choose = async (_dialog: ReturnType<Page['getByRole']>) => {},
) {
  await page.getByRole('button', { name: 'New key' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill(name)
  await dialog.getByRole('checkbox', { name: 'default' }).waitFor()
  await choose(dialog)
  await dialog.getByRole('button', { name: 'Make key' }).click()
  await page.getByRole('heading', { name: `${name} is made` }).waitFor()
  const secret = (await dialog.locator('pre').first().textContent()) ?? ''
  assert.match(secret, /^ek_\w+$/)
  assert.match((await dialog.locator('pre').nth(1).textContent()) ?? '', new RegExp(console.server.url))
  await dialog.getByRole('button', { name: 'Done' }).click()
  return secret
}

test('a key made in the console is used by an SDK, and refused once it is revoked there', {
  skip,
}, async (t) => {
  const page = await console.visit(t, { path: 'keys' })
  const apiKey = await makeKey(page, 'for the sdk')
  assert.equal(await page.getByText(apiKey).count(), 0)
  const sdk = new OpenAI({ apiKey, baseURL: `${console.server.url}/openai/v1`, maxRetries: 0 })
  const file = await sdk.files.create({
    file: await toFile(Buffer.from('hello'), 'a.txt'),
    purpose: 'user_data',
  })
  assert.equal((await sdk.files.retrieve(file.id)).filename, 'a.txt')
  await page.getByRole('button', { name: 'Revoke for the sdk' }).click()
  await page.getByRole('button', { name: 'Cancel' }).click()
  assert.equal((await sdk.files.retrieve(file.id)).bytes, 5)
  await page.getByRole('button', { name: 'Revoke for the sdk' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await page.getByText('for the sdk is revoked.').waitFor()
  await rowOf(page, 'for the sdk').waitFor({ state: 'detached' })
  await assert.rejects(sdk.files.retrieve(file.id), { status: 401 })
  await page.getByLabel('Show keys that are revoked').check()
  await rowOf(page, 'for the sdk').getByText('revoked').waitFor()
})

test('what is wrong with a new key stands beside its field, and what was typed stays', {
  skip,
}, async (t) => {
  const isExpected = (problem: string) => problem === '400 POST /admin/v1/keys'
  const page = await console.visit(t, { path: 'keys', isExpected })
  await page.getByRole('button', { name: 'New key' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill(' spaced ')
  await dialog.getByLabel('Role').selectOption('viewer')
  await dialog.getByLabel('It ends').selectOption('at')
  await dialog.getByRole('button', { name: 'Make key' }).click()
  await dialog.getByText('Choose a day and a time.').waitFor()
  await dialog.getByLabel('At', { exact: true }).fill('2100-01-31T12:00')
  await dialog.getByRole('button', { name: 'Make key' }).click()
  await dialog.getByText('This has space around it.').waitFor()
  const name = dialog.getByLabel('Name')
  assert.equal(await name.getAttribute('aria-invalid'), 'true')
  assert.deepEqual(
    [await name.inputValue(), await dialog.getByLabel('Role').inputValue()],
    [' spaced ', 'viewer'],
  )
  await name.fill('spaced')
  await dialog.getByRole('button', { name: 'Make key' }).click()
  await page.getByRole('heading', { name: 'spaced is made' }).waitFor()
  await page.keyboard.press('Escape')
  await rowOf(page, 'spaced').getByText('viewer').waitFor()
  await page.waitForFunction(() => document.activeElement?.textContent === 'New key')
})

test('a dialog is as wide as the screen, however long the name that it asks about', { skip }, async (t) => {
  const name = `for-${'k'.repeat(190)}`
  await console.server.newKey({ name })
  const page = await console.visit(t, { path: 'keys', context: { viewport: { width: 375, height: 667 } } })
  await page.getByRole('button', { name: `Revoke ${name}` }).click()
  const dialog = page.getByRole('dialog', { name: `Revoke ${name}?` })
  await dialog.waitFor()
  assert.ok(await dialog.evaluate(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth))
  await dialog.getByRole('button', { name: 'Cancel' }).click()
})

test('valid keys that stand behind a page of revoked ones are not said to be none', { skip }, async (t) => {
  const { organization, project, key } = await console.server.newTenant('many-revoked')
  const admin = new AdminClient({ url: console.server.url, key })
  console.server.clock.advance({ seconds: 1 })
  const given = { organizationId: organization.id, projectIds: [project.id], name: 'old' }
  for (let count = 0; count < 100; count++) await console.server.newKey(given)
  const { body } = await admin.send<{ keys: { id: string }[] }>('GET', '/keys?limit=100')
  for (const { id } of body.keys) await admin.send('DELETE', `/keys/${id}`)
  const page = await console.visit(t, { key, path: 'keys' })
  await page.getByText('None of the newest 100 keys is valid any more.').waitFor()
  await page.getByRole('button', { name: 'Show more' }).click()
  await page.getByText('you are signed in with it').waitFor()
})

test('the login of a viewer sees and cannot, and the server refuses by itself', { skip }, async (t) => {
  const key = await console.server.newKey({ role: 'viewer' })
  const isExpected = (problem: string) => problem.startsWith('403 ')
  const page = await console.visit(t, { key, path: 'projects', isExpected })
  await rowOf(page, 'default').waitFor()
  const main = page.getByRole('main')
  assert.equal(await main.getByRole('button').count(), 0)
  assert.equal(await page.getByRole('link', { name: 'Keys' }).count(), 0)
  await page.goto(`${console.server.url}/console/keys`)
  await page.getByText('Not for your role').waitFor()
  assert.equal(await main.getByRole('button').count(), 0)
  const statuses = await page.evaluate(async () => {
    const send = async (method: string, path: string) => {
      const headers = { 'content-type': 'application/json' }
      return (await fetch(new URL(`../admin/v1/${path}`, document.baseURI), { method, headers, body: '{}' }))
        .status
    }
    return [await send('POST', 'keys'), await send('POST', 'projects'), await send('POST', 'files:delete')]
  })
  assert.deepEqual(statuses, [403, 403, 403])
})

test('two organizations see nothing of each other on any page', { skip }, async (t) => {
  const { organization, project } = await console.server.newTenant('secret-one')
  const theirs = { organizationId: organization.id, projectIds: [project.id] }
  const key = await console.server.newKey({ ...theirs, name: 'secret key', userId: 'secret-user' })
  const { id } = await new AdminClient({ url: console.server.url, key }).stored('x', {
    filename: 'secret.txt',
  })
  const own = await console.server.newKey({ role: 'admin' })
  const isExpected = (problem: string) => /^40[034] /.test(problem)
  const page = await console.visit(t, { key: own, isExpected })
  const answers: Promise<string>[] = []
  page.on('response', (response) => {
    // One that is left may be gone before it is read.
    if (response.headers()['content-type']?.includes('json')) answers.push(response.text().catch(() => ''))
  })
  const links = page.getByRole('navigation').getByRole('link')
  await links.first().waitFor()
  const paths = await links.evaluateAll((all) =>
    all.map((link) => (link as unknown as { href: string }).href),
  )
  const asked = [
    ...paths,
    `files/${id}`,
    ...['keys', 'projects', ''].map(
      (path) => `${path}?organization=${organization.id}&project=${project.id}`,
    ),
  ]
  for (const path of asked) {
    await page.goto(new URL(path, `${console.server.url}/console/`).href)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await page.waitForFunction(() => document.querySelectorAll('[aria-busy=true]').length === 0)
    assert.doesNotMatch((await page.locator('body').textContent()) ?? '', /secret/, path)
  }
  const texts = (await Promise.all(answers)).filter((text) => text !== '')
  assert.ok(texts.length > asked.length, `${texts.length} answers`)
  for (const text of texts) assert.doesNotMatch(text, /secret/)
  const other = await console.visit(t, { key, path: 'projects' })
  await rowOf(other, 'secret-one').waitFor()
  await other.getByRole('link', { name: 'Keys' }).click()
  await rowOf(other, 'secret key').waitFor()
  assert.equal(await rowOf(other, 'first key').count(), 0)
})

test('an operator makes an organization and a project in it, and sets what they may take', {
  skip,
}, async (t) => {
  const page = await console.visit(t, {
    path: 'projects',
    isExpected: (problem) => problem.startsWith('409 '),
  })
  await page.getByRole('button', { name: 'New organization' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('default')
  await dialog.getByRole('button', { name: 'Make organization' }).click()
  await dialog.getByText('There is an organization "default" already.').waitFor()
  await dialog.getByLabel('Name').fill('acme')
  await dialog.getByRole('button', { name: 'Make organization' }).click()
  await page.getByLabel('Organization', { exact: true }).selectOption('acme')
  await page.getByRole('button', { name: 'New project' }).click()
  await dialog.getByLabel('Name').fill('reports')
  await dialog.getByRole('button', { name: 'Make project' }).click()
  await page.getByRole('button', { name: 'Quota of reports' }).click()
  await dialog.getByLabel('Files', { exact: true }).fill('10')
  await dialog.getByLabel('Size of all files').fill('lots')
  await dialog.getByRole('button', { name: 'Set quota' }).click()
  await dialog.getByText('This is no size like 50 GB.').waitFor()
  await dialog.getByLabel('Size of all files').fill('1.5 GB')
  await dialog.getByRole('button', { name: 'Set quota' }).click()
  await rowOf(page, 'reports').getByText('0 of 10', { exact: true }).waitFor()
  await rowOf(page, 'reports').getByText('of 1.5 GB').waitFor()
  await page.getByRole('button', { name: 'Quota of acme' }).click()
  await dialog.getByLabel('Size of all files').fill('1 TB')
  await dialog.getByRole('button', { name: 'Set quota' }).click()
  await rowOf(page, 'acme').getByText('of 1 TB').waitFor()
  await page.getByRole('link', { name: 'Keys' }).click()
  await page.getByLabel('Organization', { exact: true }).selectOption('acme')
  const key = await makeKey(page, 'of acme', async (dialog) => {
    await dialog.getByRole('checkbox', { name: 'default' }).uncheck()
    await dialog.getByRole('checkbox', { name: 'reports' }).check()
  })
  const file = await new AdminClient({ url: console.server.url, key }).stored('bytes')
  assert.equal(file.project.slug, 'reports')
})

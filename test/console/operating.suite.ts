/** The pages Usage, Activity, and Settings & health. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { Role } from '../../src/core/access/keys.ts'
import { AdminClient } from '../admin-client.ts'
import { CuttingProxy } from '../cutting-proxy.ts'
import { TestServer } from '../harness.ts'
import { runJobs } from '../run-jobs.ts'
import { ConsoleTest, whyNoConsole } from './harness.ts'

const ROOT_KEY = `root-${'k'.repeat(40)}`
const browser = new ConsoleTest({ ENTREPOT_ROOT_KEY: ROOT_KEY, ENTREPOT_DRAIN_SECONDS: '0' })
const chromium = { skip: whyNoConsole }
const HOUR_MS = 3_600_000
/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:1'

async function newTenant(slug: string) {
  const tenant = await browser.server.newTenant(slug)
  return { ...tenant, admin: new AdminClient({ url: browser.server.url, key: tenant.key }) }
}

async function keyOf(role: Role): Promise<string> {
  return browser.server.newKey({ role })
}

/** The browser's clock is the machine's, by which it asks for the last hours. */
function beNow(): void {
  const { clock } = browser.server
  clock.set({ ms: Date.now() - clock.now() })
}

const numberOf = (page: Page, name: string) =>
  page.getByRole('term').filter({ hasText: name }).locator('xpath=following-sibling::dd')

/** Whether anything of this colour was drawn on the plot. */
async function inkOf(page: Page, title: string): Promise<number> {
  return page
    .getByRole('img', { name: new RegExp(`^${title} over`) })
    .locator('canvas')
    .evaluate((element) => {
      const canvas = element as HTMLCanvasElement
      const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? {
        data: [],
      }
      let ink = 0
      for (let at = 3; at < data.length; at += 4) if ((data[at] ?? 0) > 0) ink++
      return ink
    })
}

test('usage shows what is there and what happened, as plots and as a table', chromium, async (t) => {
  const { key, admin } = await newTenant('plotted')
  beNow()
  browser.server.clock.set({ hours: -2 })
  const { id } = await admin.stored('x'.repeat(1500))
  await admin.stored('y'.repeat(500))
  await runJobs(browser.server)
  browser.server.clock.set({ hours: 1 })
  await admin.send('DELETE', `/files/${id}`)
  await runJobs(browser.server)
  browser.server.clock.set({ hours: 1 })
  const page = await browser.visit(t, { key, path: 'usage' })
  await numberOf(page, 'Files now').getByText('1', { exact: true }).waitFor()
  assert.equal(await numberOf(page, 'Stored now').textContent(), '500 B')
  assert.equal(await numberOf(page, 'Created in 24 hours').textContent(), '2')
  assert.equal(await numberOf(page, 'Ended in 24 hours').textContent(), '1')
  for (const title of ['Files', 'Stored', 'Requests', 'Traffic'])
    assert.ok((await inkOf(page, title)) > 100, title)
  await page.getByText('As a table').click()
  const rows = page.getByRole('table', { name: 'Usage over time' }).getByRole('row')
  await rows.nth(24).waitFor()
  assert.equal(await rows.count(), 25)
  assert.deepEqual((await rows.nth(2).getByRole('cell').allTextContents()).slice(1, 5), [
    '1',
    '500 B',
    '0',
    '1',
  ])
  assert.deepEqual((await rows.nth(3).getByRole('cell').allTextContents()).slice(1, 5), [
    '2',
    '2 kB',
    '2',
    '0',
  ])
  await page.getByRole('button', { name: '90 days' }).click()
  await page.getByRole('img', { name: /^Files over 90 days: Files 1 now/ }).waitFor()
  await page.reload()
  await page.getByRole('img', { name: /^Files over 90 days: Files 1 now/ }).waitFor()
})

test('usage is of the chosen project, and drawn anew in another theme', chromium, async (t) => {
  const { key, admin } = await newTenant('projects')
  const { services } = browser.server.app
  const { createProject } = await import('../../src/core/access/tenants.ts')
  const organization = await services.metadata.findOrganization('projects')
  await createProject(services, organization?.id ?? '', 'archive')
  beNow()
  await admin.stored('hello')
  const page = await browser.visit(t, { key, path: 'usage?project=archive' })
  await page.getByText('Of the project archive.').waitFor()
  await numberOf(page, 'Files now').getByText('0', { exact: true }).waitFor()
  await page.getByLabel('Project').selectOption('default')
  await numberOf(page, 'Files now').getByText('1', { exact: true }).waitFor()
  const colors = () =>
    page
      .getByRole('img', { name: /^Files over/ })
      .locator('canvas')
      .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL())
  const light = await colors()
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.waitForFunction((before) => document.querySelector('canvas')?.toDataURL() !== before, light)
})

test('an hour that cannot be told is told to be so, and a retry helps', chromium, async (t) => {
  const { key } = await newTenant('failing')
  beNow()
  const page = await browser.visit(t, { key, path: 'activity', isExpected: (what) => what.startsWith('500') })
  const { metadata } = browser.server.app.services
  const mock = t.mock.method(metadata, 'listUsageHours', async () => {
    throw new Error('gone')
  })
  await page.getByRole('link', { name: 'Usage' }).click()
  await page.getByText('Unexpected error.').waitFor()
  mock.mock.restore()
  await page.getByRole('button', { name: 'Try again' }).click()
  await numberOf(page, 'Files now').waitFor()
})

test(
  'requests appear as they end, can be paused and filtered, and lead to their files',
  chromium,
  async (t) => {
    const { key, admin } = await newTenant('live')
    const { admin: other } = await newTenant('elsewhere')
    const page = await browser.visit(t, { key, path: 'activity' })
    await page.getByText('Live', { exact: true }).waitFor()
    await page.getByText('No request yet').waitFor()
    await other.send('GET', '/files?limit=2')
    const { id } = await admin.stored('hello', { filename: 'a secret name.txt' })
    await admin.send('GET', '/files?limit=0')
    const rows = page.getByRole('table', { name: 'Requests' }).getByRole('row')
    await rows.filter({ hasText: 'field_invalid' }).waitFor()
    assert.equal(await rows.count(), 4)
    assert.ok(!(await page.content()).includes('secret name'))
    await page.getByLabel('Outcome').selectOption('Failed')
    await page.getByText('1 of 3 shown').waitFor()
    await page.getByLabel('Outcome').selectOption('All')
    await page.getByLabel('Contains').fill('/tus')
    await page.getByText('1 of 3 shown').waitFor()
    await page.getByLabel('Contains').fill('')
    await page.getByRole('button', { name: 'Pause' }).click()
    await admin.send('GET', '/files')
    await page.getByText('1 wait').waitFor()
    assert.equal(await rows.count(), 4)
    await page.getByRole('button', { name: 'Go on' }).click()
    await page.getByText('4 shown').waitFor()
    await page.getByRole('link', { name: 'file', exact: true }).first().click()
    await page.waitForURL(`**/console/files/${id}`)
  },
)

test('a page that is far behind keeps the last five hundred', chromium, async (t) => {
  const { key, admin } = await newTenant('many')
  const page = await browser.visit(t, { key, path: 'activity' })
  await page.getByText('Live', { exact: true }).waitFor()
  for (let hundred = 0; hundred < 6; hundred++)
    await Promise.all(Array.from({ length: 100 }, () => admin.send('GET', '/files')))
  await admin.send('GET', '/files?limit=0')
  await page.getByText('field_invalid').waitFor()
  await page.getByText('500 shown').waitFor()
})

test('a server that restarts ends the tail, which is told and found again', chromium, async (t) => {
  const proxy = await CuttingProxy.start(NOWHERE)
  t.after(() => proxy.stop())
  const own = await TestServer.start({ ENTREPOT_PUBLIC_URL: proxy.url, ENTREPOT_DRAIN_SECONDS: '0' })
  t.after(() => own.stop())
  proxy.target = own.url
  const isExpected = (what: string) => /\/admin\/v1\/(tail|me)/.test(what)
  const page = await browser.visit(t, {
    server: { url: proxy.url, key: own.key },
    path: 'activity',
    isExpected,
  })
  await page.getByText('Live', { exact: true }).waitFor()
  proxy.target = NOWHERE
  await own.restart()
  await page.getByText(/The connection is lost/).waitFor()
  proxy.target = own.url
  await page.getByText('Live', { exact: true }).waitFor()
  await new AdminClient({ url: own.url, key: own.key }).send('GET', '/files')
  await page.getByRole('table', { name: 'Requests' }).getByText('/admin/v1/files').first().waitFor()
})

test(
  'an operator sees health in sentences, jobs with their results, and searches the settings',
  chromium,
  async (t) => {
    beNow()
    await runJobs(browser.server)
    const page = await browser.visit(t, { key: ROOT_KEY, path: 'settings' })
    await page.getByText('The database answers.').waitFor()
    const jobs = page.getByRole('table', { name: 'Jobs' })
    await jobs.getByRole('row').filter({ hasText: 'expire files' }).getByText('nothing to do').waitFor()
    await page.getByLabel('Search settings').fill('root_key')
    const rows = page.getByRole('table', { name: 'Settings' }).getByRole('row')
    await rows.filter({ hasText: 'ENTREPOT_ROOT_KEY' }).getByText('[secret]').waitFor()
    assert.ok(!(await page.content()).includes(ROOT_KEY))
    await page.getByLabel('Search settings').fill('no such thing')
    await page.getByText('No setting has this').waitFor()
    await page.getByLabel('Search settings').fill('')
    await page.getByLabel('Show').selectOption('Only what was set')
    await page.getByText(/^\d+ of \d+ settings$/).waitFor()
    const from = await rows.locator('td:last-child').allTextContents()
    assert.ok(from.length > 5 && from.every((source) => source === 'environment'), from.join())
  },
)

test('what fails is told where it is seen first', chromium, async (t) => {
  t.mock.method(browser.server.app.services.metadata, 'clockTrust', async () => ({
    waitMs: 3 * HOUR_MS,
    trustedTo: 0,
  }))
  const page = await browser.visit(t, { key: ROOT_KEY, path: 'settings' })
  await page.getByText('It works, and something needs a look.').waitFor()
  await page.getByText(/nothing that has ended is removed for 3 more hours/).waitFor()
})

test('each role is led to what the server lets it see', chromium, async (t) => {
  for (const [role, shown] of [
    ['viewer', []],
    ['member', []],
    ['admin', ['Activity']],
    ['operator', ['Activity', 'Settings & health']],
  ] as const) {
    const page = await browser.visit(t, { key: await keyOf(role), path: 'usage' })
    await page.getByRole('heading', { name: 'Usage', level: 1 }).waitFor()
    await numberOf(page, 'Files now').waitFor()
    assert.equal(await page.getByText('others can be chosen').count(), 0)
    const links = await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allTextContents()
    for (const name of ['Activity', 'Settings & health'])
      assert.equal(links.includes(name), (shown as readonly string[]).includes(name), `${role} ${name}`)
    await page.close()
  }
  const page = await browser.visit(t, { key: await keyOf('admin'), path: 'settings' })
  await page.getByText('Not for your role').waitFor()
})

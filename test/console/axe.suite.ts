/** Every page and dialog of the console, judged by axe-core: in both themes, on a desk and on a phone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { ConsoleTest, whyNoConsole } from './harness.ts'
import { fillSample, pagesOf, type Sample, untilReady } from './sample-installation.ts'

const browser = new ConsoleTest()
const chromium = { skip: whyNoConsole }
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

let filled: Promise<Sample> | undefined
/** By the first test: hooks of a file do not wait for each other. */
function sampleOf(): Promise<Sample> {
  filled ??= fillSample(browser.server)
  return filled
}

interface Over {
  readonly name: string
  /** Whose page it is shown over. */
  readonly below: string
  open(page: Page): Promise<void>
}

/** Menus and dialogs, by what opens them. */
const overs: readonly Over[] = [
  { name: 'the menu of a file', below: 'files', open: openFileMenu },
  ...['Rename', 'Labels', 'Set end', 'Delete'].map((name) => ({
    name: `${name} of a file`,
    below: 'files',
    open: async (page: Page) => {
      await openFileMenu(page)
      await page.getByRole('menuitem', { name: new RegExp(`^${name}`) }).click()
      await page.getByRole('dialog').waitFor()
    },
  })),
  ...[
    ['New key', 'keys'] as const,
    ['New project', 'projects'] as const,
    ['New organization', 'projects'] as const,
    ['Quota of default', 'projects'] as const,
    ['Copy to…', 'file'] as const,
  ].map(([name, below]) => ({
    name,
    below,
    open: async (page: Page) => {
      await page.getByRole('button', { name }).first().click()
      await page.getByRole('dialog').waitFor()
    },
  })),
]

async function openFileMenu(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^What to do with quarterly-report/ }).click()
  await page.getByRole('menuitem').first().waitFor()
}

/** What axe adds to a page is not what the page does. */
const isOfAxe = (problem: string) => problem.startsWith('violated')

for (const colorScheme of ['light', 'dark'] as const)
  for (const width of [1280, 375]) {
    const context = { viewport: { width, height: 800 }, colorScheme, reducedMotion: 'reduce' } as const
    test(`no page is hard to use, ${colorScheme}, ${width} wide`, chromium, async (t) => {
      const paths = new Map(pagesOf(await sampleOf()).map(({ name, path }) => [name, path]))
      const page = await browser.visit(t, { context, isExpected: isOfAxe })
      await page.clock.setFixedTime(browser.server.clock.now())
      const show = async (name: string) => {
        await page.goto(`${browser.server.url}/console/${paths.get(name)}`)
        await untilReady(page)
      }
      for (const name of paths.keys()) {
        await show(name)
        await assertAccessible(page, name)
      }
      for (const { name, below, open } of overs) {
        await show(below)
        await open(page)
        await assertAccessible(page, name)
      }
    })
  }

test('what is hard to use is found', chromium, async (t) => {
  const page = await browser.visit(t, { path: 'sessions', isExpected: isOfAxe })
  await untilReady(page)
  await page.evaluate(() => document.body.append(document.createElement('button')))
  await assert.rejects(assertAccessible(page, 'a button without a name'), /button-name/)
})

/** Nothing that axe calls serious or critical. It is run by the debugging protocol, which the policy of the page does not bind. */
async function assertAccessible(page: Page, name: string): Promise<void> {
  await page.evaluate(axe.source)
  const found = await page.evaluate(async (values) => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run({
      runOnly: { type: 'tag', values: [...values] },
    })
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, help, nodes }) => ({
        id,
        help,
        at: nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`),
      }))
  }, RULES)
  assert.deepEqual(found, [], name)
}

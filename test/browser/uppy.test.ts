import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { ROOT_KEY } from '../faults/server-process.ts'
import { isLong, onlyLong } from '../rounds.ts'
import { RETRY_DELAYS_MS, storedBytes, TroubledServer, uploadBytes } from '../troubled-upload.ts'
import { Chromium, whyNoChromium } from './chromium.ts'
import { servePage } from './page-server.ts'

/** Runs in the page. */
const upload = (endpoint: string) => `(async () => {
  const { Uppy } = await import('@uppy/core')
  const { default: Tus } = await import('@uppy/tus')
  const uppy = new Uppy().use(Tus, {
    endpoint: ${JSON.stringify(endpoint)},
    headers: { authorization: ${JSON.stringify(`Bearer ${ROOT_KEY}`)} },
    retryDelays: ${JSON.stringify(RETRY_DELAYS_MS)},
  })
  const data = await (await fetch('/bytes')).blob()
  uppy.addFile({ name: 'Отчёт.bin', type: 'application/x-own', data })
  const { successful, failed } = await uppy.upload()
  return failed.map(({ error }) => error).concat(successful.map(({ uploadURL }) => uploadURL)).join()
})()`

test('Uppy in Chromium uploads through cut connections and killed servers', {
  skip: onlyLong || whyNoChromium(),
  timeout: isLong ? 300_000 : 120_000,
}, async (t: TestContext) => {
  const server = await TroubledServer.start()
  t.after(() => server.stop())
  const bytes = uploadBytes()
  const page = await servePage(bytes)
  t.after(() => page.close())
  const chromium = await Chromium.start()
  t.after(() => chromium.stop())
  await chromium.open(page.url)
  const link = String(await chromium.evaluate(upload(`${server.url}/tus`)))
  assert.ok(link.startsWith(`${server.url}/transfer/`), link)
  const { content, file } = await storedBytes(server.url)
  assert.deepEqual([file.filename, file.mimeType], ['Отчёт.bin', 'application/x-own'])
  const endured = server.judge(hash('sha256', bytes), content)
  t.diagnostic(JSON.stringify(endured))
})

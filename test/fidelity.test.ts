import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authenticate } from '../src/core/access/admit.ts'
import { TestServer } from './harness.ts'

const ROOT_KEY = 'a root key of this test'

test('a key has its own fidelity or that of the setting, as the root key has', async (t) => {
  const server = await TestServer.start({ ENTREPOT_ROOT_KEY: ROOT_KEY })
  t.after(() => server.stop())
  const keys = [
    ROOT_KEY,
    await server.newKey(),
    await server.newKey({ fidelity: 'strict' }),
    await server.newKey({ fidelity: 'open' }),
  ]
  const fidelities = () =>
    Promise.all(keys.map(async (key) => (await authenticate(server.app.services, key)).fidelity))
  assert.deepEqual(await fidelities(), ['open', 'open', 'strict', 'open'])
  await server.restart({ ENTREPOT_ROOT_KEY: ROOT_KEY, ENTREPOT_FIDELITY: 'strict' })
  assert.deepEqual(await fidelities(), ['strict', 'strict', 'strict', 'open'])
})

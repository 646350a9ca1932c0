import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { type Answer, LightfieldClient, ok } from '../../../test/lightfield-client.ts'
import { createProject } from '../../core/access/tenants.ts'

const UNKNOWN = 'fil_0000000000000000000000000'

let server: TestServer
let owner: LightfieldClient
/** Everybody who must not know of the owner's files. */
let outsiders: Record<string, LightfieldClient>
let secondProject: string

before(async () => {
  server = await TestServer.start({ ENTREPOT_RATE_LIMITS: '1000000' })
  owner = new LightfieldClient(server)
  const { services } = server.app
  const organization = await services.metadata.findOrganization('default')
  const project = await createProject(services, organization?.id ?? '', 'second')
  secondProject = project.id
  outsiders = {
    'another organization': new LightfieldClient(server, (await server.newTenant('stranger')).key),
    'another project of the organization': new LightfieldClient(
      server,
      await server.newKey({ projectIds: [project.id] }),
    ),
  }
})
after(() => server.stop())

const requests: Record<string, (client: LightfieldClient, id: string) => Promise<Answer<unknown>>> = {
  retrieve: (client, id) => client.retrieve(id),
  url: (client, id) => client.url(id),
  complete: (client, id) => client.complete(id),
  'complete with an md5': (client, id) => client.complete(id, { md5: '0'.repeat(32) }),
  cancel: (client, id) => client.cancel(id),
  'complete with an idempotency key': (client, id) =>
    client.complete(id, {}, { 'idempotency-key': 'same for all' }),
}

function headerNames({ headers }: Answer<unknown>): string[] {
  return [...headers.keys()].sort()
}

for (const [name, request] of Object.entries(requests)) {
  test(`${name} answers for a foreign file exactly as for one that does not exist`, async () => {
    const [pending, stored, cancelled] = [await owner.staged(), await owner.stored(), await owner.cancelled()]
    for (const [outsider, client] of Object.entries(outsiders)) {
      const unknown = await request(client, UNKNOWN)
      assert.equal(unknown.status, 404)
      for (const { id, status } of [pending, stored, cancelled]) {
        const foreign = await request(client, id)
        assert.equal(foreign.status, 404, `${outsider}, ${status}`)
        assert.equal(foreign.text, unknown.text)
        assert.deepEqual(headerNames(foreign), headerNames(unknown))
      }
    }
    assert.equal(ok(await owner.retrieve(pending.id)).status, 'PENDING')
    assert.equal(ok(await owner.retrieve(stored.id)).status, 'COMPLETED')
  })
}

test('a listing counts and shows the files of one project alone', async () => {
  const { id } = await owner.stored()
  for (const client of Object.values(outsiders)) {
    const before = ok(await client.list())
    assert.ok(before.data.every((file) => file.id !== id))
    const own = await client.pending()
    const after = ok(await client.list())
    assert.equal(after.totalCount, before.totalCount + 1)
    assert.equal(after.data[0]?.id, own.id)
  }
})

test('a key with two projects writes to the first and reads both', async () => {
  const { services } = server.app
  const organization = await services.metadata.findOrganization('default')
  const first = await services.metadata.findProject(organization?.id ?? '', 'default')
  const secret = await server.newKey({ projectIds: [secondProject, first?.id ?? ''] })
  const both = new LightfieldClient(server, secret)
  const ownersFile = await owner.stored()
  assert.equal((await both.retrieve(ownersFile.id)).status, 200)
  assert.equal((await both.url(ownersFile.id)).status, 200)
  const { id } = await both.pending()
  assert.equal((await owner.retrieve(id)).status, 404)
  const neighbour = outsiders['another project of the organization']
  assert.equal((await neighbour?.retrieve(id))?.status, 200)
})

test('a download link works for whoever holds it, without a key', async () => {
  const { id } = await owner.stored('to be shared')
  const response = await fetch(await owner.link(id))
  assert.equal(await response.text(), 'to be shared')
})

test('auth.validate tells a user from a workspace, and the scopes as granted', async () => {
  const { projectIds } = { projectIds: [secondProject] }
  const cases = [
    [{ userId: 'ada' }, 'user', []],
    [{ userId: null, projectIds }, 'workspace', []],
    [{ userId: null, scopes: ['files:read'] }, 'workspace', ['files:read']],
    [{ scopes: ['files:create', 'files:read'] }, 'user', ['files:create', 'files:read']],
  ] as const
  for (const [key, subjectType, scopes] of cases) {
    const client = new LightfieldClient(server, await server.newKey(key))
    const answer = await client.send('GET', '/v1/auth/validate')
    assert.deepEqual(ok(answer), { active: true, tokenType: 'api_key', subjectType, scopes })
  }
})

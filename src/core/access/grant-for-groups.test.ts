import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import { type GroupRule, grantForGroups } from './grant-for-groups.ts'
import { createProject } from './tenants.ts'

let server: TestServer
let ids: Readonly<Record<string, string>>

before(async () => {
  server = await TestServer.start()
  const { services } = server.app
  const { organization, project } = await server.newTenant('acme')
  // Projects are listed in the order in which they were made.
  server.clock.advance({ seconds: 1 })
  const docs = await createProject(services, organization.id, 'docs')
  server.clock.advance({ seconds: 1 })
  const web = await createProject(services, organization.id, 'web')
  const other = await server.newTenant('other')
  ids = {
    acme: organization.id,
    default: project.id,
    docs: docs.id,
    web: web.id,
    other: other.organization.id,
    others: other.project.id,
  }
})
after(() => server.stop())

function rule(text: string): GroupRule {
  const [, group = '', organization = '', project = '', role = ''] =
    /^(.+)=(.+)\/(.+):(\w+)$/.exec(text) ?? []
  return { group, organization, project, role: role as GroupRule['role'] }
}

async function granted(groups: readonly string[], ...rules: readonly string[]) {
  const { services } = server.app
  const grant = await grantForGroups(services, rules.map(rule), { userId: 'ada', groups })
  if (grant === undefined) return undefined
  const nameOf = (id: string) => Object.entries(ids).find(([, known]) => known === id)?.[0]
  return `${nameOf(grant.organizationId)}/${grant.projectIds.map(nameOf)}:${grant.role}`
}

test('the first rule that fits decides the organization and the role', async () => {
  const rules = ['staff=acme/docs:member', 'ops=acme/*:operator', 'else=other/default:admin']
  assert.equal(await granted(['staff'], ...rules), 'acme/docs:member')
  assert.equal(await granted(['else', 'staff', 'ops'], ...rules), 'acme/docs:member')
  assert.equal(await granted(['ops', 'else'], ...rules), 'acme/default,docs,web:operator')
  assert.equal(await granted(['else'], ...rules), 'other/others:admin')
})

test('further rules that fit add projects of the same organization and role', async () => {
  const rules = [
    'web=acme/web:member',
    'docs=acme/docs:member',
    'docs=acme/default:viewer',
    'web=acme/web:member',
  ]
  assert.equal(await granted(['docs', 'web'], ...rules), 'acme/web,docs:member')
  assert.equal(await granted(['docs'], ...rules), 'acme/docs:member')
})

test('an organization and a project are named by id or slug', async () => {
  assert.equal(await granted(['a'], `a=${ids.acme}/${ids.docs}:member`), 'acme/docs:member')
})

test('whoever no rule fits is granted nothing', async () => {
  for (const groups of [[], ['Staff'], ['staf']])
    assert.equal(await granted(groups, 'staff=acme/*:admin'), undefined)
  for (const unknown of ['a=nowhere/*:admin', 'a=acme/nothing:admin', `a=acme/${ids.others}:admin`])
    assert.equal(await granted(['a'], unknown), undefined)
})

test('a viewer is granted to read, and nothing else', async () => {
  const { services } = server.app
  const scopesFor = async (role: GroupRule['role']) =>
    (await grantForGroups(services, [rule(`a=acme/*:${role}`)], { userId: 'ada', groups: ['a'] }))?.scopes
  assert.deepEqual(await scopesFor('viewer'), ['files:read'])
  assert.deepEqual(await scopesFor('member'), [])
})

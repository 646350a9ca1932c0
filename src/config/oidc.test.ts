import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oidc } from './oidc.ts'
import { type Environment, readSettings } from './setting.ts'

const good = {
  ENTREPOT_OIDC_ISSUER: 'https://login.example.com/realms/acme/',
  ENTREPOT_OIDC_CLIENT_ID: 'entrepot',
  ENTREPOT_OIDC_GROUPS: 'staff=acme/*:admin',
}

function read(env: Environment) {
  const problems: string[] = []
  return { settings: readSettings({ oidc }, env, problems).oidc, problems }
}

test('groups are mapped to an organization, a project and a role, in order', () => {
  const text = '/staff = eu=acme/*:admin, a b=acme/docs: 2026:viewer,ops=9f1c/web:operator'
  const { settings, problems } = read({ ...good, ENTREPOT_OIDC_GROUPS: text })
  assert.deepEqual(problems, [])
  assert.deepEqual(
    settings?.groups.map(({ group, organization, project, role }) => [group, organization, project, role]),
    [
      ['/staff = eu', 'acme', '*', 'admin'],
      ['a b', 'acme', 'docs: 2026', 'viewer'],
      ['ops', '9f1c', 'web', 'operator'],
    ],
  )
})

test('without an issuer there is no sign-in but with keys', () => {
  assert.deepEqual(read({}), { settings: undefined, problems: [] })
})

test('the issuer stays as it calls itself, and plain http is for this machine alone', () => {
  const issuerOf = (issuer: string) => read({ ...good, ENTREPOT_OIDC_ISSUER: issuer }).settings?.issuer.href
  for (const issuer of [good.ENTREPOT_OIDC_ISSUER, 'http://127.0.0.1:9000/', 'http://localhost:9000/x'])
    assert.equal(issuerOf(issuer), issuer)
  for (const issuer of [
    'http://login.example.com',
    'login.example.com',
    'https://user@login.example.com',
    'https://login.example.com?tenant=a',
    'ftp://127.0.0.1',
  ])
    assert.equal(issuerOf(issuer), undefined, issuer)
})

test('what is wrong is told in a sentence', () => {
  for (const [env, problem] of [
    [{ ...good, ENTREPOT_OIDC_CLIENT_ID: '' }, /^ENTREPOT_OIDC_CLIENT_ID goes with ENTREPOT_OIDC_ISSUER/],
    [{ ...good, ENTREPOT_OIDC_GROUPS: '' }, /^ENTREPOT_OIDC_GROUPS goes .* or nobody gets in\.$/],
    [
      { ...good, ENTREPOT_OIDC_GROUPS: 'staff' },
      /^ENTREPOT_OIDC_GROUPS must be like "staff=acme.*, not "staff"\.$/,
    ],
    [
      { ...good, ENTREPOT_OIDC_GROUPS: 'a=b/c:boss' },
      /has the role "boss"; there are viewer, member, admin, operator/,
    ],
    [{ ...good, ENTREPOT_OIDC_GROUPS: 'a=b:admin' }, /must be like/],
    [{ ...good, ENTREPOT_OIDC_SCOPES: 'profile email' }, /^ENTREPOT_OIDC_SCOPES must be words .* "openid"/],
    [{ ENTREPOT_OIDC_CLIENT_SECRET: 'x' }, /^ENTREPOT_OIDC_CLIENT_SECRET needs ENTREPOT_OIDC_ISSUER\.$/],
  ] as const) {
    const { problems } = read(env)
    assert.equal(problems.length, 1, String(problems))
    assert.match(problems[0] ?? '', problem)
  }
})

test('a secret is not printed', () => {
  const { settings } = read({ ...good, ENTREPOT_OIDC_CLIENT_SECRET: 'hush hush' })
  assert.equal(settings?.clientSecret?.reveal(), 'hush hush')
  assert.ok(!JSON.stringify(settings).includes('hush'))
})

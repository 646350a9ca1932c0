import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestServer } from '../../../test/harness.ts'
import type { LinkKey } from '../../core/links/link-token.ts'
import { pathInConsole } from './routes.ts'
import { openSignIn, sealSignIn } from './sealed-sign-in.ts'

const NOW = 1_790_000_000_000
const [newKey, oldKey, strange] = ['a', 'b', 'c'].map(
  (digit): LinkKey => ({ id: digit.repeat(8), secret: digit.repeat(64), createdAt: NOW }),
) as [LinkKey, LinkKey, LinkKey]
const pending = {
  state: 's',
  nonce: 'n',
  verifier: 'v',
  returnPath: '/console/',
  expiresAt: NOW + 10,
}

test('what a browser keeps of a sign-in is opened by every server of the installation, until its end', () => {
  const sealed = sealSignIn([oldKey], pending)
  assert.match(sealed, /^[\w-]+$/)
  assert.deepEqual(openSignIn([newKey, oldKey], sealed, NOW), pending)
  assert.equal(openSignIn([newKey, oldKey], sealed, NOW + 10), undefined)
  assert.equal(openSignIn([newKey, strange], sealed, NOW), undefined)
  assert.notEqual(sealSignIn([oldKey], pending), sealed)
})

test('a sealed sign-in that was changed, cut or made up opens nothing', () => {
  const sealed = Buffer.from(sealSignIn([newKey], pending), 'base64url')
  for (let index = 0; index < sealed.length; index++) {
    const changed = Buffer.from(sealed)
    changed.writeUInt8((changed[index] ?? 0) ^ 1, index)
    assert.equal(openSignIn([newKey], changed.toString('base64url'), NOW), undefined)
    assert.equal(openSignIn([newKey], sealed.subarray(0, index).toString('base64url'), NOW), undefined)
  }
  assert.equal(openSignIn([newKey], 'x', NOW), undefined)
})

test('a sign-in leads into the console, and nowhere else', () => {
  for (const path of ['/console/', '/console/files/a?b=c#d', '/console/keys'])
    assert.equal(pathInConsole(path), path)
  for (const given of [
    undefined,
    ['/console/a', '/console/b'],
    '',
    '/',
    '/console',
    '/consoles/',
    '/admin/v1/me',
    'https://evil.example/console/',
    '//evil.example/console/',
    '/\\evil.example/console/',
    '/console/../admin/',
    '/console/%2e%2e/admin/',
    '/console/..//evil.example/',
    '/console/\t../../evil',
    'javascript:alert(1)',
    `/console/${'x'.repeat(1000)}`,
  ])
    assert.equal(pathInConsole(given), '/console/', String(given))
})

test('a provider that cannot be reached is told at the page of sign-in', async (t) => {
  const server = await TestServer.start({
    ENTREPOT_PUBLIC_URL: 'https://files.example/store',
    ENTREPOT_OIDC_ISSUER: 'http://127.0.0.1:1/realm',
    ENTREPOT_OIDC_CLIENT_ID: 'entrepot',
    ENTREPOT_OIDC_GROUPS: 'staff=default/*:admin',
  })
  t.after(() => server.stop())
  const { oidc } = (await (await fetch(`${server.url}/admin/v1/sign-in`)).json()) as {
    oidc: { label: string; path: string }
  }
  assert.deepEqual(oidc, { label: '127.0.0.1:1', path: 'admin/v1/oidc/start' })
  for (const [path, code] of [
    ['start', 'oidc_unavailable'],
    ['start?return=/console/keys?project=x', 'oidc_unavailable&return=keys%3Fproject%3Dx'],
    ['callback?code=x&state=y', 'oidc_expired'],
  ] as const) {
    const answer = await fetch(`${server.url}/admin/v1/oidc/${path}`, { redirect: 'manual' })
    assert.equal(answer.status, 302)
    assert.equal(answer.headers.get('location'), `https://files.example/store/console/sign-in?error=${code}`)
    assert.equal(answer.headers.get('cache-control'), 'no-store')
  }
})

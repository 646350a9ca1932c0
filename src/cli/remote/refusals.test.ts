import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalOf, unreachable } from './refusals.ts'

const SERVER = 'https://files.example'

function sentenceOf(
  status: number,
  body: object | string,
  more: { retryAfter?: string; location?: string } = {},
): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return refusalOf(SERVER, { status, body: text, ...more }).message
}

test('what the server says is told, with what helps', () => {
  const problem = { detail: 'The quota is used up.', code: 'quota-exceeded' }
  assert.equal(
    sentenceOf(402, problem),
    'The quota is used up; delete files, or have the quota raised (entrepot org quota).',
  )
  assert.equal(
    sentenceOf(404, { detail: 'There is no such file.', code: 'file-not-found' }),
    'There is no such file.',
  )
  assert.equal(sentenceOf(413, { error: { message: 'Too large.', code: 'bytes_too_many' } }), 'Too large.')
  assert.equal(
    sentenceOf(429, { detail: 'Too many.' }, { retryAfter: '7' }),
    'Too many; try again in 7 seconds.',
  )
})

test('what a server says has no power over the terminal', () => {
  assert.equal(sentenceOf(404, { detail: 'a\x1b[2Jb\r\n' }), 'a?[2Jb??.')
})

test('a server of another kind, or of another time, is told', () => {
  for (const [status, body] of [
    [404, '<html>'],
    [501, '<html>'],
    [200, 'hello'],
    [404, { error: { message: 'There is nothing at this address.', code: 'route_unknown' } }],
  ] as const)
    assert.match(
      sentenceOf(status, body),
      /^https:\/\/files\.example is not an Entrepot server, or an older one/,
    )
  assert.match(sentenceOf(502, '<html>'), /answered 502: it, or a proxy before it, is not up/)
  assert.match(
    sentenceOf(301, '', { location: 'https://new.example/' }),
    /redirects to https:\/\/new\.example\/: give that by --url/,
  )
})

test('why no answer came is told by what to do', () => {
  const cases = {
    ECONNREFUSED: /^Nothing listens at https:\/\/files\.example: start the server/,
    ENOTFOUND: /^There is no host "files\.example"/,
    CERT_HAS_EXPIRED: /has expired/,
    ERR_TLS_CERT_ALTNAME_INVALID: /is for other names/,
    SELF_SIGNED_CERT_IN_CHAIN: /NODE_EXTRA_CA_CERTS/,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: /NODE_EXTRA_CA_CERTS/,
    ERR_SSL_WRONG_VERSION_NUMBER: /try http:\/\/files\.example\.$/,
    ECONNRESET: /the connection broke: gone \(ECONNRESET\)/,
  }
  for (const [code, sentence] of Object.entries(cases)) {
    const cause = Object.assign(new Error('gone'), { code })
    assert.match(unreachable(SERVER, new TypeError('fetch failed', { cause })).message, sentence, code)
    assert.match(unreachable(SERVER, new AggregateError([cause])).message, sentence, code)
  }
})

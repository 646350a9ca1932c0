import assert from 'node:assert/strict'
import { createHmac, randomBytes, randomInt, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { newFileId } from '../files/create-file.ts'
import {
  type FixedBinding,
  type LinkBinding,
  type LinkClaim,
  type LinkKey,
  readLink,
  signLink,
  verifyLink,
} from './link-token.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const ROUNDS = 20_000

function newLinkKey(): LinkKey {
  return { id: randomBytes(4).toString('hex'), secret: randomBytes(32).toString('hex'), createdAt: 0 }
}

const key = newLinkKey()
const binding: FixedBinding = {
  mimeType: 'text/plain',
  sizeBytes: 5,
  writeOnce: false,
  sha256: null,
  maxBytes: null,
}

function newClaim(): LinkClaim {
  const method = randomInt(2) === 0 ? 'PUT' : 'GET'
  const serves = method === 'GET' && randomInt(2) === 0 ? 'declared' : 'inert'
  return { method, fileId: newFileId(Date.now()), expiresAt: randomInt(2 ** 47), serves, appends: false }
}

test('a token tells what was signed, in 84 characters that a URL carries as they are', () => {
  for (let round = 0; round < 1_000; round++) {
    const claim = newClaim()
    const token = signLink(key, claim, binding)
    assert.match(token, /^[A-Za-z0-9_-]{84}$/)
    assert.equal(encodeURIComponent(token), token)
    assert.deepEqual(readLink(token), claim)
    assert.ok(verifyLink([key], token, binding))
  }
})

test('a link that has a row names that row and nothing of the file, and is the same each time', () => {
  const claim: LinkClaim = { ...newClaim(), method: 'GET', serves: 'inert', rowId: randomUUID() }
  const token = signLink(key, claim, { hasRow: true })
  assert.match(token, /^[A-Za-z0-9_-]{84}$/)
  assert.equal(signLink(key, { ...claim, fileId: newFileId(0) }, { hasRow: true }), token)
  assert.ok(verifyLink([key], token, { hasRow: true }))
  assert.equal(verifyLink([key], token, binding), false)
  // Only with the row can anybody tell of which file it is.
  assert.equal(readLink(token), undefined)
})

test('the signature is the HMAC-SHA-256 of all that the link is bound to', () => {
  for (const mimeType of ['text/plain', 'text/plain; charset="ü"', `a/${'x'.repeat(253)}`]) {
    const bytes = Buffer.from(signLink(key, newClaim(), { ...binding, mimeType }), 'base64url')
    const text = `${bytes.toString('hex', 0, 31)}\n5\nfalse\n${mimeType}`
    const expected = createHmac('sha256', Buffer.from(key.secret, 'hex')).update(text).digest()
    assert.deepEqual(bytes.subarray(31), expected)
  }
})

test('a token that was changed at random never verifies', () => {
  const token = signLink(key, newClaim(), binding)
  for (let round = 0; round < ROUNDS; round++) {
    const changed = [...token]
    for (let changes = 0; changes <= round % 4; changes++)
      changed[randomInt(token.length)] = ALPHABET[randomInt(64)] ?? ''
    const text = changed.join('')
    assert.equal(verifyLink([key], text, binding), text === token, text)
  }
})

test('a token with any single bit turned never verifies', () => {
  const bytes = Buffer.from(signLink(key, newClaim(), binding), 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const turned = Buffer.from(bytes)
    turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.equal(verifyLink([key], turned.toString('base64url'), binding), false, `bit ${bit}`)
  }
})

test('random tokens never verify', () => {
  for (let round = 0; round < ROUNDS; round++) {
    const token = randomBytes(63)
    // Half of them name the right key, so that the signature is what decides.
    if (round % 2) token.write(key.id, 2, 'hex')
    assert.equal(verifyLink([key], token.toString('base64url'), binding), false)
  }
})

test('a token is not good for a file that is bound otherwise', () => {
  const token = signLink(key, newClaim(), binding)
  const others: LinkBinding[] = [
    { ...binding, mimeType: 'text/html' },
    { ...binding, mimeType: 'Text/plain' },
    { ...binding, mimeType: '' },
    { ...binding, sizeBytes: 6 },
    { ...binding, sizeBytes: 50 },
    { ...binding, writeOnce: true },
    { ...binding, sha256: 'a'.repeat(64) },
    { ...binding, maxBytes: 5 },
  ]
  for (const other of others) assert.equal(verifyLink([key], token, other), false)
})

test('a token is good as long as its key is listed, and for no other key of that name', () => {
  const [newer, older] = [newLinkKey(), newLinkKey()]
  const token = signLink(older, newClaim(), binding)
  assert.ok(verifyLink([newer, older], token, binding))
  assert.equal(verifyLink([newer], token, binding), false)
  assert.equal(verifyLink([], token, binding), false)
  assert.equal(verifyLink([{ ...newer, id: older.id }], token, binding), false)
})

test('what is no token claims nothing', () => {
  const token = signLink(key, newClaim(), binding)
  const texts = [
    '',
    'A',
    token.slice(1),
    `${token}A`,
    `${token}=`,
    ` ${token}`,
    `${token}\n`,
    token.replace(/.$/, '+'),
  ]
  const versions = ['A'.repeat(84), Buffer.alloc(63, 0xff).toString('base64url')]
  for (const text of [...texts, ...versions, '__proto__'])
    assert.equal(readLink(text), undefined, JSON.stringify(text))
  for (const text of [...texts, '__proto__'])
    assert.equal(readLink(text) !== undefined && verifyLink([key], text, binding), false)
})

test('a link to an upload that takes appends is bound to what appends leave as it is', () => {
  const claim: LinkClaim = { ...newClaim(), method: 'PUT', serves: 'inert', appends: true }
  const fixed = { appends: true, writeOnce: false, sha256: null } as const
  const token = signLink(key, claim, fixed)
  assert.deepEqual(readLink(token), claim)
  assert.ok(verifyLink([key], token, fixed))
  for (const other of [binding, { ...fixed, writeOnce: true }, { ...fixed, sha256: 'a'.repeat(64) }])
    assert.equal(verifyLink([key], token, other), false)
  const bytes = Buffer.from(token, 'base64url')
  bytes[0] = 1
  assert.equal(verifyLink([key], bytes.toString('base64url'), fixed), false)
})

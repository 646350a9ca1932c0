import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acceptsEncoding, prefersHtml } from './accept.ts'

test('browsers get HTML', () => {
  for (const accept of [
    'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
    'text/html',
    'text/*, application/json;q=0.9',
    'TEXT/HTML;level=1; Q=0.5, */*; q=0.1',
  ])
    assert.ok(prefersHtml(accept), accept)
})

test('programs get JSON, also those that would take HTML as well', () => {
  for (const accept of [
    undefined,
    '',
    '*/*',
    'application/json',
    'application/json, text/html',
    'application/json, text/plain, */*',
    'text/html;q=0.5, */*',
    'text/html;q=0, */*',
    'image/png',
  ])
    assert.equal(prefersHtml(accept), false, String(accept))
})

test('an encoding is taken by its name or by *, unless its weight is 0', () => {
  for (const accept of ['br', 'gzip, deflate, br', 'gzip;q=0.5, BR;q=1', '*', 'gzip, *;q=0.1'])
    assert.equal(acceptsEncoding(accept, 'br'), true, accept)
  for (const accept of ['', 'gzip', 'br;q=0, *', '*;q=0', 'broken'])
    assert.equal(acceptsEncoding(accept, 'br'), false, accept)
  assert.equal(acceptsEncoding(undefined, 'br'), false)
})

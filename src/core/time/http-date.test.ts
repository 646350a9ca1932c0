import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHttpDate } from './http-date.ts'

const NOW = Date.UTC(2026, 3, 8)

/** Texts and the time that each means; null: it is no HTTP-date. */
const dates: readonly (readonly [string, string | null])[] = [
  ['Sun, 06 Nov 1994 08:49:37 GMT', '1994-11-06T08:49:37.000Z'],
  ['Sunday, 06-Nov-94 08:49:37 GMT', '1994-11-06T08:49:37.000Z'],
  ['Sun Nov  6 08:49:37 1994', '1994-11-06T08:49:37.000Z'],
  ['Sun Nov 16 08:49:37 1994', '1994-11-16T08:49:37.000Z'],
  ['Thu, 29 Feb 2024 23:59:59 GMT', '2024-02-29T23:59:59.000Z'],
  ['Sat, 31 Dec 2016 23:59:60 GMT', '2017-01-01T00:00:00.000Z'],
  ['Thu, 01 Jan 1970 00:00:00 GMT', '1970-01-01T00:00:00.000Z'],
  ['Sat, 01 Jan 0050 00:00:00 GMT', '0050-01-01T00:00:00.000Z'],
  ['Friday, 01-May-76 00:00:00 GMT', '2076-05-01T00:00:00.000Z'],
  ['Saturday, 01-May-77 00:00:00 GMT', '1977-05-01T00:00:00.000Z'],
  ['Wednesday, 08-Apr-26 00:00:00 GMT', '2026-04-08T00:00:00.000Z'],
  ['Tue, 06 Nov 1994 08:49:37 GMT', '1994-11-06T08:49:37.000Z'],
  ...[
    '',
    '0',
    '2001',
    '99999',
    '2099-01-01T00:00:00Z',
    '1/1/2099',
    'January 2099',
    'Sun, 30 Feb 2098 00:00:00 GMT',
    'Wed, 29 Feb 2023 00:00:00 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    '06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49 GMT',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 PST',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'sun, 06 nov 1994 08:49:37 gmt',
    'Sunday, 06-Nov-1994 08:49:37 GMT',
    'Sun, 06-Nov-94 08:49:37 GMT',
    'Sun Nov 6 08:49:37 1994',
    'Sun Nov 06 08:49:37 1994 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
    'x Sun, 06 Nov 1994 08:49:37 GMT',
  ].map((text) => [text, null] as const),
]

for (const [text, expected] of dates) {
  test(`"${text}" is ${expected ?? 'no HTTP-date'}`, () => {
    const time = parseHttpDate(text, NOW)
    assert.equal(time === undefined ? null : new Date(time).toISOString(), expected)
  })
}

import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { test } from 'node:test'
import { FailedSignIns } from './failed-sign-ins.ts'

const spared = new BlockList()
spared.addAddress('10.0.0.5')

function start(perSecond: number | undefined) {
  let taken = 0
  const failures = new FailedSignIns({ perSecond, spared })
  const fail = (address: string, nowMs: number) =>
    failures.of(address, { count: () => void taken++ }, nowMs).count()
  return { fail, taken: () => taken }
}

test('an address that guesses takes of its own share alone, and the others are told that they are wrong', () => {
  const { fail, taken } = start(3)
  const refused = { code: 'rate-limited', retryAfterSeconds: 1 }
  for (let times = 0; times < 3; times++) fail('192.0.2.1', 0)
  for (let times = 0; times < 9; times++) assert.throws(() => fail('192.0.2.1', 0), refused)
  assert.equal(taken(), 3)
  fail('192.0.2.2', 0)
  fail('192.0.2.1', 400)
  assert.throws(() => fail('192.0.2.1', 400), refused)
  assert.equal(taken(), 5)
})

test('a network of IPv6 is one address, and proxies and this machine are none', () => {
  const { fail, taken } = start(1)
  fail('2001:db8::1', 0)
  assert.throws(() => fail('2001:db8::2', 0), { code: 'rate-limited' })
  for (const address of ['10.0.0.5', '::ffff:10.0.0.5', '127.0.0.1', '::1'])
    for (let times = 0; times < 3; times++) fail(address, 0)
  assert.equal(taken(), 13)
})

test('without a limit nothing is counted', () => {
  const { fail, taken } = start(undefined)
  for (let times = 0; times < 99; times++) fail('192.0.2.1', 0)
  assert.equal(taken(), 99)
})

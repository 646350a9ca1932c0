import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FairBudget } from './fair-budget.ts'

const MIB = 1024 * 1024
/** An eighth of it, 16 MiB, is the reserve for small holdings. */
const BUDGET_BYTES = 128 * MIB

/** As much as one organization gets, in one holding after another. */
function fill(budget: FairBudget, organizationId: string, pieceBytes: number): number {
  let bytes = 0
  for (;;) {
    const holding = budget.open(organizationId)
    while (holding.tryGrow(MIB) && holding.bytes < pieceBytes);
    if (holding.bytes === 0) return bytes
    bytes += holding.bytes
  }
}

test('one organization gets three quarters at most, of the whole and of the reserve', () => {
  assert.equal(fill(new FairBudget(BUDGET_BYTES), 'a', 2 * MIB), 0.75 * 112 * MIB + 12 * MIB)
})

test('an organization that comes when others have all they can get still finds its part', () => {
  const budget = new FairBudget(BUDGET_BYTES)
  fill(budget, 'a', 16 * MIB)
  fill(budget, 'b', 16 * MIB)
  const late = budget.open('c')
  assert.ok(late.tryGrow(4 * MIB))
})

test('large holdings leave the reserve to small ones', () => {
  const budget = new FairBudget(BUDGET_BYTES)
  const large = budget.open('a')
  while (large.tryGrow(8 * MIB));
  const small = budget.open('a')
  assert.ok(small.tryGrow(MIB))
})

test('what leaves the reserve takes its place among the large holdings', () => {
  const budget = new FairBudget(BUDGET_BYTES)
  const grown = Array.from({ length: 12 }, () => budget.open('a'))
  for (const holding of grown) assert.ok(holding.tryGrow(MIB))
  for (const holding of grown) assert.ok(holding.tryGrow(1))
  assert.equal(fill(budget, 'b', MIB) >= 12 * MIB, true)
})

test('what is given back is free again, and those who wait hear of it', async () => {
  const budget = new FairBudget(BUDGET_BYTES)
  const holding = budget.open('a')
  while (holding.tryGrow(8 * MIB));
  const freed = budget.nextFreed()
  holding.release()
  await freed
  assert.equal(budget.usedBytes, 0)
  assert.ok(holding.tryGrow(64 * MIB))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Turns } from './turns.ts'

/** Work that notes when it begins and lasts until it is told to end. */
function startWork(turns: Turns) {
  const begun: string[] = []
  const ends: (() => void)[] = []
  const run = (project: string) =>
    turns.run(project, () => {
      begun.push(project)
      return new Promise<void>((resolve) => ends.push(resolve))
    })
  const endNext = async () => {
    ends.shift()?.()
    await setImmediate()
  }
  return { begun, run, endNext }
}

test('projects take turns, however much one of them has waiting', async () => {
  const { begun, run, endNext } = startWork(new Turns(1))
  const all = ['a', 'a', 'a', 'a', 'b', 'c', 'b'].map(run)
  await setImmediate()
  for (const _ of all) await endNext()
  await Promise.all(all)
  assert.deepEqual(begun, ['a', 'a', 'b', 'c', 'a', 'b', 'a'])
})

test('as many run at once as may, also after failures', async () => {
  const turns = new Turns(2)
  const { begun, run, endNext } = startWork(turns)
  await assert.rejects(
    turns.run('a', () => Promise.reject(new Error('broken'))),
    /broken/,
  )
  const all = ['a', 'a', 'a', 'b'].map(run)
  await setImmediate()
  assert.deepEqual(begun, ['a', 'a'])
  for (const _ of all) await endNext()
  await Promise.all(all)
  assert.deepEqual(begun, ['a', 'a', 'a', 'b'])
})

test('a project with many waiting gets no more, and others do', async () => {
  const { run, endNext } = startWork(new Turns(1))
  const all = Array.from({ length: 33 }, () => run('a'))
  await assert.rejects(run('a'), { name: 'StoreError', code: 'unavailable' })
  all.push(run('b'))
  for (const _ of all) await endNext()
  await Promise.all(all)
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { FileBody } from '../../console/src/api/bodies.ts'
import { FileList, type FilePage } from '../../console/src/pages/files/file-list.ts'
import { orderOf } from '../../console/src/pages/files/order.ts'
import { SeededRandom } from '../seeded-random.ts'

const PAGE = 10
/** More than forty pages, which are kept at most. */
const FILES = 600
/** Letters beyond U+E000 come before the emoji by their code points, and behind it by UTF-16. */
const LETTERS = 'aé\uff21\u{1f600}'

/** What the server has, of which a page begins behind a file's place whether or not the file is still there. */
class Files {
  readonly #random: SeededRandom
  readonly #compare = orderOf({ sort: 'name', order: 'desc' })
  readonly #places = new Map<string, FileBody>()
  #sorted: readonly FileBody[] = []
  #made = 0

  constructor(random: SeededRandom) {
    this.#random = random
  }

  get all(): readonly FileBody[] {
    return this.#sorted
  }

  add(): void {
    const id = String(this.#made++).padStart(4, '0')
    this.#sort([...this.#sorted, { id, name: this.#name() } as FileBody])
  }

  rename(file: FileBody): FileBody {
    const renamed = { ...file, name: this.#name() }
    this.#sort(this.#sorted.map((each) => (each.id === file.id ? renamed : each)))
    return renamed
  }

  delete(ids: ReadonlySet<string>): void {
    this.#sorted = this.#sorted.filter(({ id }) => !ids.has(id))
  }

  list(): FileList {
    return new FileList({ load: (after) => this.#page(after), compare: this.#compare })
  }

  async #page(after: string): Promise<FilePage> {
    const place = this.#places.get(after)
    const behind = this.#sorted.filter((file) => place === undefined || this.#compare(place, file) < 0)
    const files = behind.slice(0, PAGE)
    for (let turns = this.#random.below(4); turns > 0; turns--) await turn()
    const last = files.at(-1)
    if (last === undefined || behind.length === files.length) return { files, next: null }
    const next = JSON.stringify([last.name, last.id])
    this.#places.set(next, last)
    return { files, next }
  }

  #name(): string {
    return this.#random.text(LETTERS, 3)
  }

  #sort(files: readonly FileBody[]): void {
    this.#sorted = files.toSorted(this.#compare)
  }
}

/** Until nothing is loaded any more. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 60; turns++) await turn()
}

async function scrolledThrough(list: FileList): Promise<readonly string[]> {
  const ids: string[] = []
  for (let row = 0; row < list.count || !list.isWhole; row++) {
    // As a page does whenever the list has changed.
    do {
      list.want(row, row)
      if (list.at(row) === undefined || row + 1 >= list.count) await settle()
    } while (list.at(row) === undefined && row < list.count)
    const file = list.at(row)
    if (file !== undefined) ids.push(file.id)
  }
  return ids
}

function assertNoneTwice(list: FileList): void {
  const kept = Array.from({ length: list.count }, (_, row) => list.at(row)?.id).filter(
    (id) => id !== undefined,
  )
  assert.equal(new Set(kept).size, kept.length)
}

test('whatever is deleted, renamed and added meanwhile, no file is in two rows, and what nobody renamed is in its order', async (context) => {
  const seed = randomBytes(4).readUInt32LE()
  context.diagnostic(`seed ${seed}`)
  const random = new SeededRandom(seed)
  for (let round = 0; round < 4; round++) {
    const isAlone = round % 2 === 0
    const files = new Files(random)
    for (let i = 0; i < FILES; i++) files.add()
    const list = files.list()
    const renamed = new Set<string>()
    await scrolledThrough(list)
    for (let step = 0; step < 60; step++) {
      const row = random.below(Math.max(1, list.count))
      list.want(row, row + random.below(30))
      if (random.chance(0.5)) await settle()
      const ids = new Set(
        Array.from({ length: random.below(25) }, (_, at) => list.at(row + at)?.id).filter(
          (id) => id !== undefined,
        ),
      )
      files.delete(ids)
      list.remove(ids)
      const file = list.at(random.below(Math.max(1, list.count)))
      if (file !== undefined && random.chance(0.3)) {
        renamed.add(file.id)
        list.replace(files.rename(file))
      }
      if (isAlone) continue
      // Somebody else.
      files.add()
      files.delete(new Set(random.many(6, () => random.pick(files.all).id)))
      await settle()
      assertNoneTwice(list)
    }
    await settle()
    assertNoneTwice(list)
    if (!isAlone) continue
    // Rows move up as forgotten pages come back without what was renamed.
    await scrolledThrough(list)
    const inPlace = (ids: readonly string[]) => ids.filter((id) => !renamed.has(id))
    assert.deepEqual(inPlace(await scrolledThrough(list)), inPlace(files.all.map(({ id }) => id)))
  }
})

test('what is asked for after an error is loaded', async () => {
  let fails = true
  const list = new FileList({
    load: async () => {
      if (fails) throw new Error('the server is away')
      return { files: [{ id: '1', name: 'a' } as FileBody], next: null }
    },
    compare: orderOf({ sort: 'name', order: 'asc' }),
  })
  const { signal } = new AbortController()
  await list.reach(10, signal)
  assert.match(String(list.error.value), /away/)
  fails = false
  await list.reach(10, signal)
  assert.deepEqual([list.count, list.error.value], [1, undefined])
})

test('a list that nobody looks at any more loads nothing, and lets the page be', async () => {
  let loads = 0
  const list = new FileList({
    load: async (_after, signal) => {
      // Or a loop that never waits would not let the test end.
      if (++loads === 100) process.exit(1)
      if (loads === 1) await turn()
      signal.throwIfAborted()
      return { files: [], next: 'more' }
    },
    compare: orderOf({ sort: 'name', order: 'asc' }),
  })
  const reached = list.reach(10, new AbortController().signal)
  list.stop()
  await reached
  assert.equal(loads, 1)
})

/**
 * Two requests at the same moment on one upload, of which one appends: each time there is one outcome, and the file has the bytes
 * that were acknowledged. On one server, and on two that share database and bucket.
 *
 *   ENTREPOT_FAULT_ROUNDS=200 node --test test/faults/append-races.test.ts
 *
 * A failing run prints its seed; `ENTREPOT_FAULT_SEED=<seed>` makes the same choices again (not the same timing).
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { expireFiles } from '../../src/core/upkeep/expire-files.ts'
import { reconcile } from '../../src/core/upkeep/reconcile.ts'
import { TestServer } from '../harness.ts'
import { type Answer, exchange, ok, putBytes } from '../lightfield-client.ts'
import { newFolder } from '../new-folder.ts'
import { newStores } from '../nodes.harness.ts'
import { query } from '../postgres.ts'
import { RawConnection } from '../raw-http.ts'
import { onlyLong, rounds } from '../rounds.ts'
import { SeededRandom } from '../seeded-random.ts'
import { BYTES, linkIn, offsetAt, patch, TUS } from '../tus-client.ts'

import { until } from '../until.ts'
import { settledUsage } from '../usage.ts'
import { checkRows } from './check-rows.ts'
import { reconcileAhead } from './check-stores.ts'
import { idOf, RaceTrack } from './race-track.ts'
import { ROOT_KEY, ServerProcess } from './server-process.ts'

const ROUNDS = rounds({ short: 2, long: 40 })
const SEED = Number(process.env.ENTREPOT_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 32))
const settings = { ENTREPOT_INLINE_BYTES: '8192' }
/** Who comes anew does not wait for a connection that hangs. */
const NO_WAIT_MS = 1_000

const tracks: Readonly<Record<string, (t: TestContext) => Promise<RaceTrack>>> = {
  'one server': async (t) => {
    const server = await TestServer.start(settings)
    t.after(() => server.stop())
    const { services } = server.app
    return new RaceTrack({
      urls: [server.url],
      key: server.key,
      random: new SeededRandom(SEED),
      expire: async () => {
        server.clock.advance({ minutes: 61 })
        await expireFiles(services)
      },
      assertSettled: async () => {
        await settledUsage(server)
        server.clock.advance({ days: 2 })
        const { damaged, orphans } = await reconcile(services, true)
        assert.deepEqual({ damaged, orphans }, { damaged: [], orphans: [] })
      },
    })
  },
  'two servers on PostgreSQL': async (t) => {
    const stores = await newStores(t)
    const start = async () => {
      const dataDir = newFolder('entrepot-races-')
      const all = { ...(stores as Record<string, string>), ...settings, ENTREPOT_GRPC_PORT: 'off' }
      const server = await ServerProcess.start({ dataDir, settings: all })
      t.after(() => server.end('SIGKILL'))
      return server
    }
    const servers = [await start(), await start()]
    const { ENTREPOT_DATABASE_URL: url } = stores
    return new RaceTrack({
      urls: servers.map((server) => server.url),
      key: ROOT_KEY,
      random: new SeededRandom(SEED),
      expire: async (id) => {
        await query(url, 'update files set upload_expires_at = 1 where id = $1', [id])
      },
      assertSettled: async () => {
        for (const server of servers) await server.end('SIGTERM')
        const folder = newFolder('entrepot-races-')
        const { damaged, orphans } = await reconcileAhead(folder, stores)
        assert.deepEqual({ damaged, orphans }, { damaged: [], orphans: [] })
        assert.deepEqual(await checkRows(folder, url), [])
      },
    })
  },
}

/** How far an append says that the upload is now. */
function reached({ headers }: Answer<unknown>): number {
  return Number(headers.get('upload-offset'))
}

/** One request that succeeded, of those that may not both. */
function winnerOf<T>(answers: readonly Answer<T>[], isWon: (answer: Answer<T>) => boolean): number {
  const won = answers.filter(isWon)
  assert.equal(won.length, 1, answers.map(({ status, text }) => `${status} ${text}`).join(', '))
  return answers.findIndex(isWon)
}

/** What the loser of a race for the end of an upload may be told. */
const OVER = new Set([403, 409, 410])

const races: Readonly<Record<string, (track: RaceTrack) => Promise<void>>> = {
  'of two appends at one offset one is kept, and the other is told the right offset': async (track) => {
    const [begin, ...bodies] = [track.bytes(), track.bytes(), track.bytes()]
    const whole = (body: Buffer) => Buffer.concat([begin, body, Buffer.from('the end')])
    const lengths = bodies.map((body) => whole(body).length)
    const link = await track.tus.created(Math.max(...lengths))
    assert.equal((await patch(link, 0, begin)).status, 204)
    const urls = [link, track.second(link)]
    const answers = await Promise.all(bodies.map((body, i) => patch(urls[i] ?? '', begin.length, body)))
    const winner = winnerOf(answers, (answer) => answer.status === 204 && reached(answer) > begin.length)
    const at = reached(answers[winner] as Answer<unknown>)
    assert.ok(at <= begin.length + (bodies[winner]?.length ?? 0))
    for (const [i, answer] of answers.entries()) {
      if (i === winner) continue
      // One that was stopped before a byte had come has kept none.
      if (answer.status === 204) assert.equal(reached(answer), begin.length)
      else assert.deepEqual([answer.status, reached(answer)], [409, at])
    }
    assert.equal(await track.offset(link), at)
    const kept = (bodies[winner] as Buffer).subarray(0, at - begin.length)
    const rest = track.bytes(Math.max(...lengths) - at)
    assert.equal((await patch(link, at, rest)).status, rest.length === 0 ? 403 : 204)
    await track.assertBytes(link, Buffer.concat([begin, kept, rest]))
  },

  'two clients that tell the length at once count it once': async (track) => {
    const link = linkIn(await track.tus.create({ 'upload-defer-length': '1' }))
    const bodies = [track.bytes(), track.bytes()]
    const urls = [link, track.second(link)]
    const answers = await Promise.all(
      bodies.map((body, i) => patch(urls[i] ?? '', 0, body, { 'upload-length': String(body.length) })),
    )
    for (const { status } of answers)
      assert.ok(status === 204 || status === 400 || OVER.has(status), `${status}`)
    const isStored = (await track.statusOf(link)) === 'COMPLETED'
    if (isStored) {
      const winner = winnerOf(answers, (answer) => answer.status === 204 && reached(answer) > 0)
      await track.assertBytes(link, bodies[winner] as Buffer)
    } else assert.equal((await exchange('DELETE', link, undefined, TUS)).status, 204)
  },

  'an append and a PUT of the whole: the file is the one or the other': async (track) => {
    const [begin, end] = [track.bytes(), track.bytes()]
    const appended = Buffer.concat([begin, end])
    const put = track.bytes(appended.length)
    const link = await track.tus.created(appended.length)
    assert.equal((await patch(link, 0, begin)).status, 204)
    const [append, replaced] = await Promise.all([
      patch(link, begin.length, end),
      exchange('PUT', track.second(link), put),
    ])
    assert.ok(append.status === 204 || OVER.has(append.status), append.text)
    assert.ok(replaced.status === 200 || OVER.has(replaced.status), replaced.text)
    // What had come whole may be replaced as long as it is not stored.
    assert.ok(append.status === 204 || replaced.status === 200)
    await track.assertBytes(link, replaced.status === 200 ? put : appended)
  },

  'an append and a PUT to an upload that waits for its complete: the PUT replaces': async (track) => {
    const [begin, end] = [track.bytes(), track.bytes()]
    const put = track.bytes(begin.length + end.length)
    const upload = await track.field.pending({ sizeBytes: put.length })
    const { uploadUrl: link } = upload
    assert.equal((await patch(link, 0, begin)).status, 204)
    const [append, replaced] = await Promise.all([
      patch(track.second(link), begin.length, end),
      putBytes(upload, put),
    ])
    assert.equal(replaced.status, 200, replaced.text)
    assert.ok(append.status === 204 || append.status === 409, append.text)
    ok(await track.field.complete(upload.id))
    await track.assertBytes(link, put)
  },

  'the last append and a complete: the complete takes all or nothing': async (track) => {
    const [begin, end] = [track.bytes(), track.bytes()]
    const whole = Buffer.concat([begin, end])
    const { id, uploadUrl: link } = await track.field.pending({ sizeBytes: whole.length })
    assert.equal((await patch(link, 0, begin)).status, 204)
    const [append, completed] = await Promise.all([
      patch(track.second(link), begin.length, end),
      track.field.complete(id),
    ])
    assert.equal(append.status, 204, append.text)
    assert.ok(completed.status === 200 || completed.status === 422, completed.text)
    ok(await track.field.complete(id))
    await track.assertBytes(link, whole)
  },

  'the last append and a cancel: the file is there, or it never was': async (track) => {
    const [begin, end] = [track.bytes(), track.bytes()]
    const whole = Buffer.concat([begin, end])
    const link = await track.tus.created(whole.length)
    assert.equal((await patch(link, 0, begin)).status, 204)
    const answers = await Promise.all([
      patch(link, begin.length, end),
      track.field.cancel(idOf(track.second(link))),
    ])
    const done = ({ status, headers }: Answer<unknown>) =>
      status === 200 || (status === 204 && headers.get('upload-offset') === String(whole.length))
    const winner = winnerOf<unknown>(answers, done)
    assert.equal(await track.statusOf(link), winner === 0 ? 'COMPLETED' : 'CANCELLED')
    if (winner === 0) await track.assertBytes(link, whole)
  },

  'the last append and a DELETE by tus: the file is there, or it never was': async (track) => {
    const [begin, end] = [track.bytes(), track.bytes()]
    const whole = Buffer.concat([begin, end])
    const link = await track.tus.created(whole.length)
    assert.equal((await patch(link, 0, begin)).status, 204)
    const [append, ended] = await Promise.all([
      patch(link, begin.length, end),
      exchange('DELETE', track.second(link), undefined, TUS),
    ])
    const isStored = append.status === 204 && reached(append) === whole.length
    assert.ok(isStored ? OVER.has(ended.status) : ended.status === 204, `${append.status}, ${ended.status}`)
    assert.equal(await track.statusOf(link), isStored ? 'COMPLETED' : 'CANCELLED')
    if (isStored) await track.assertBytes(link, whole)
  },

  'an append and the end of the time: what is acknowledged lives on': async (track) => {
    const [begin, middle] = [track.bytes(), track.bytes()]
    const link = await track.tus.created(begin.length + middle.length + 1)
    assert.equal((await patch(link, 0, begin)).status, 204)
    const expire = sleep(track.random.between(0, 8)).then(() => track.expire(idOf(link)))
    const [append] = await Promise.all([patch(link, begin.length, middle), expire])
    assert.ok(append.status === 204 || OVER.has(append.status), append.text)
    const status = await track.statusOf(link)
    // On several servers the append may come last, and then the upload lives on.
    if (append.status === 204 && status === 'PENDING')
      assert.equal(await track.offset(link), begin.length + middle.length)
    else assert.equal(status, 'EXPIRED')
  },
}

for (const [name, start] of Object.entries(tracks))
  test(`${name}: ${ROUNDS} rounds of each race`, { skip: name !== 'one server' && onlyLong }, async (t) => {
    t.diagnostic(`seed ${SEED}`)
    const track = await start(t)
    for (const [what, race] of Object.entries(races))
      await t.test(what, async () => {
        for (let round = 0; round < ROUNDS; round++) await race(track)
      })
    await t.test('a connection that hangs in the middle of a body blocks nobody', () => passHanging(track))
    await t.test('all is counted once, and no bytes are left without a row', () => track.assertSettled())
  })

async function passHanging(track: RaceTrack): Promise<void> {
  const whole = track.bytes(1_000_000)
  const link = await track.tus.created(whole.length)
  const isSame = track.second(link) === link
  for (let pauseMs = 0; ; pauseMs = 2 * pauseMs + 10) {
    const hanging = await hangAfter(link, whole, 300_000)
    await sleep(pauseMs)
    const begun = performance.now()
    const kept = await offsetAt(track.second(link))
    // Of what was sent a busy server may have read nothing yet. Another server knows only what is committed.
    const isRead = kept > 0 || !isSame
    if (isRead)
      assert.equal((await patch(track.second(link), kept, whole.subarray(kept, 500_000))).status, 204)
    const waitedMs = performance.now() - begun
    assert.ok(waitedMs < NO_WAIT_MS, `waited ${waitedMs} ms`)
    assert.ok(isSame ? kept <= 300_000 : kept === 0, `${kept} bytes were kept`)
    hanging.write(whole.subarray(300_000))
    const stale = await hanging.until(/upload-offset: .*\r\n/)
    assert.match(stale, isSame ? / 204 / : / 409 /)
    assert.match(stale, new RegExp(`upload-offset: ${isSame ? kept : 500_000}\r\n`))
    hanging.end()
    if (isRead) break
  }
  assert.equal((await patch(link, 500_000, whole.subarray(500_000))).status, 204)
  await track.assertBytes(link, whole)
}

/** A PATCH of the whole that sends the beginning and no more. */
async function hangAfter(link: string, whole: Buffer, sentBytes: number): Promise<RawConnection> {
  const connection = await RawConnection.open(link)
  const length = { host: new URL(link).host, 'upload-offset': 0, 'content-length': whole.length }
  const fields = Object.entries({ ...BYTES, ...length, expect: '100-continue' })
  const head = fields.map(([name, text]) => `${name}: ${text}`)
  connection.write([`PATCH ${new URL(link).pathname} HTTP/1.1`, ...head, '', ''].join('\r\n'))
  await connection.until(/^HTTP\/1\.1 100 .*\r\n\r\n/)
  connection.write(whole.subarray(0, sentBytes))
  assert.ok(await until(5_000, () => connection.unsentBytes === 0))
  return connection
}

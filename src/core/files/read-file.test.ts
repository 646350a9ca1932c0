import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Caller } from '../caller.ts'
import type { Services } from '../services.ts'
import { readFile } from './read-file.ts'

test('the error of an unknown file carries the id as the caller wrote it', async () => {
  const services = {
    metadata: { findFile: async () => undefined },
    parseFileId: (text: string) => (text === 'no id' ? undefined : text),
  } as unknown as Services
  for (const id of ['no id', '01890A5D-AC96-774B-BCCE-B302099A8057'])
    await assert.rejects(readFile(services, {} as Caller, id), {
      code: 'file-not-found',
      kind: 'not-found',
      id,
    })
})

import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { newFolder } from '../../test/new-folder.ts'
import { makeOwnFolder } from './own-folder.ts'

test('a folder is made with its parents, for its owner alone, and again does nothing', () => {
  const path = join(newFolder('entrepot-own-'), 'a', 'b')
  for (const _ of ['made', 'there']) makeOwnFolder(path)
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
})

test('where nothing can be made it fails', {
  skip: process.platform === 'linux' ? false : 'only on Linux',
}, () => {
  assert.throws(() => makeOwnFolder('/proc/none/a'), { code: 'ENOENT' })
})

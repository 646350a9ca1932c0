import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProgressBar, type Terminal } from './progress-bar.ts'

const MEBIBYTE = 1024 * 1024

function drawOn(terminal: Pick<Terminal, 'isTTY'>): string {
  let drawn = ''
  const write = (text: string) => {
    drawn += text
  }
  {
    using bar = new ProgressBar(40 * MEBIBYTE, { ...terminal, write })
    bar.add(10 * MEBIBYTE)
    bar.add(1)
  }
  return drawn
}

test('a terminal sees how far reading has come, now and then, and an empty line at the end', () => {
  const [, line, end, ...more] = drawOn({ isTTY: true }).split('\r\x1b[K')
  assert.match(line ?? '', /^\[#{8}\.{22}\] 25 % {2}10 of 40 MiB {2}10 MiB\/s$/)
  assert.deepEqual([end, more], ['', []])
})

test('what is no terminal gets nothing', () => {
  assert.equal(drawOn({}), '')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProgressBar, type ProgressBarOptions } from './progress-bar.ts'

const MEBIBYTE = 1024 * 1024

function drawn(totalBytes: number | undefined, options: ProgressBarOptions, isTTY = true): string {
  let text = ''
  const write = (part: string) => {
    text += part
  }
  {
    using bar = new ProgressBar(totalBytes, { ...options, terminal: { isTTY, write } })
    bar.add(10 * MEBIBYTE)
    bar.add(1)
    if (options.label === undefined) bar.note('waiting for the server')
  }
  return text
}

test('a terminal sees how far reading has come, and an empty line at the end', () => {
  const text = drawn(40 * MEBIBYTE, {})
  assert.match(text, /\[#{5}\.{15}\] 25 % {2}10\.0 MiB of 40\.0 MiB {2}10\.0 MiB\/s {2}0:0\d left {2}wait/)
  assert.ok(text.endsWith('\x1b[1G\x1b[2K'))
})

test('what was there before counts, but not for the rate', () => {
  assert.match(
    drawn(40 * MEBIBYTE, { doneBytes: 20 * MEBIBYTE }),
    /75 % {2}30\.0 MiB of 40\.0 MiB {2}10\.0 MiB\/s/,
  )
})

test('of what has no known length the bytes are told', () => {
  assert.match(drawn(undefined, { label: 'a\x1b[31m.txt' }), /\[1G10\.0 MiB {2}10\.0 MiB\/s {2}a\?\[31m\.txt/)
})

test('what is no terminal gets nothing', () => {
  assert.equal(drawn(40 * MEBIBYTE, {}, false), '')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProgressBar, type ProgressBarOptions } from './progress-bar.ts'

const MEBIBYTE = 1024 * 1024

/** What a terminal gets of a bar. */
function drawn(
  totalBytes: number | undefined,
  options: ProgressBarOptions,
  work: (bar: ProgressBar, write: (text: string) => void) => void,
  isTTY = true,
): string {
  let text = ''
  const write = (part: string) => {
    text += part
  }
  {
    using bar = new ProgressBar(totalBytes, { ...options, terminal: { isTTY, write } })
    work(bar, write)
  }
  return text
}

const readTen = (bar: ProgressBar) => bar.add(10 * MEBIBYTE)

test('a terminal sees how far reading has come, and an empty line at the end', () => {
  const text = drawn(40 * MEBIBYTE, {}, readTen)
  assert.match(text, /\[#{5}\.{15}\] 25 % {2}10\.0 MiB of 40\.0 MiB {2}10\.0 MiB\/s {2}0:0\d left/)
  assert.ok(text.endsWith('\x1b[1G\x1b[2K'))
})

test('what was there before counts, but not for the rate', () => {
  const expected = /75 % {2}30\.0 MiB of 40\.0 MiB {2}10\.0 MiB\/s/
  assert.match(drawn(40 * MEBIBYTE, { doneBytes: 20 * MEBIBYTE }, readTen), expected)
  const skipping = (bar: ProgressBar) => {
    bar.add(10 * MEBIBYTE)
    bar.skip(20 * MEBIBYTE)
    bar.aside(() => undefined)
  }
  assert.match(drawn(40 * MEBIBYTE, {}, skipping), expected)
})

test('of what has no known length the bytes are told', () => {
  const text = drawn(undefined, { label: 'a\x1b[31m.txt' }, readTen)
  assert.match(text, /\[1G10\.0 MiB {2}10\.0 MiB\/s {2}a\?\[31m\.txt/)
})

test('where nothing moves the reason stands in place of the rate', () => {
  const text = drawn(40 * MEBIBYTE, {}, (bar) => {
    readTen(bar)
    bar.note('waiting for the server')
  })
  assert.match(text, /of 40\.0 MiB {2}waiting for the server {2}/)
})

test('what is no terminal gets nothing', () => {
  assert.equal(drawn(40 * MEBIBYTE, {}, readTen, false), '')
})

test('what is printed beside a bar keeps its line', () => {
  const text = drawn(10, {}, (bar, write) => bar.aside(() => write('told\n')))
  const [before = '', after = ''] = text.split('told\n')
  // A terminal goes back to where it was told to remember: only below may that be.
  assert.ok(before.endsWith('\x1b8\x1b[1G\x1b[2K'))
  assert.ok(after.startsWith('\x1b7'))
})

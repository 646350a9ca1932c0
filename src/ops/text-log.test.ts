import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { createLogger } from './logging.ts'
import { textLines } from './text-log.ts'

/** What is written where nobody has a terminal, and so without colours. */
function logged(isTerminal: boolean, write: (logger: ReturnType<typeof createLogger>) => void): string {
  let text = ''
  const toText = textLines({ isTerminal, stream: new PassThrough() })
  const destination = {
    write(line: string) {
      text += line
    },
  }
  write(createLogger('trace', destination, toText))
  return text
}

const answered = {
  requestId: 'e2ff3c9a-9f0f-4c56-8a53-1d4b4a8f5a6e',
  method: 'GET',
  route: '/v1/files/:id',
  fileId: '0198f1f0-2ff0-7b62-a1f3-6e3cfd1e1c11',
  organizationId: '0198f1f0-2ff0-7b62-a1f3-6e3cfd1e1c12',
  status: 200,
  ms: 1.2,
}

test('a line of text has time, level, text, the request and the fields', () => {
  const line = logged(false, (logger) => logger.debug(answered, 'answered'))
  const { requestId, fileId, organizationId } = answered
  assert.match(
    line,
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z DEBUG answered GET \/v1\/files\/:id 200 1\.2 ms requestId/,
  )
  assert.ok(
    line.endsWith(` requestId=${requestId} fileId=${fileId} organizationId=${organizationId}\n`),
    line,
  )
})

test('at a terminal the line of an answer is short; one at warn has all ids', () => {
  const line = logged(true, (logger) => logger.debug(answered, 'answered'))
  assert.match(
    line,
    /^\d\d:\d\d:\d\d\.\d{3} DEBUG answered GET \/v1\/files\/:id 200 1\.2 ms fileId=[\w-]+\n$/,
  )
  assert.match(
    logged(true, (logger) => logger.warn(answered, 'no room')),
    / requestId=\S+ fileId=\S+ organizationId=/,
  )
})

test('values are quoted where they hold a blank, and objects are JSON', () => {
  const fields = {
    plain: 'a/b:c',
    blank: 'a b',
    empty: '',
    quote: '"',
    none: null,
    some: { hours: [1, null] },
  }
  assert.match(
    logged(true, (logger) => logger.info(fields, 'told')),
    / INFO {2}told plain=a\/b:c blank="a b" empty="" quote="\\"" none=null some=\{"hours":\[1,null\]\}\n$/,
  )
})

test('nothing that a client may have named moves the cursor, colours the terminal or ends a line', () => {
  const hostile = '\u001b]0;title\u0007\u001b[2J\r\n\u009b31m\u202egnp.exe\u2028\u007f\ud800'
  const failure = new Error(hostile, { cause: Object.assign(new Error(hostile), { code: hostile }) })
  const text = logged(true, (logger) =>
    logger.error({ [hostile]: hostile, err: failure, in: [hostile] }, hostile),
  )
  assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
  const [line = '', ...below] = text.trimEnd().split('\n')
  assert.ok(line.includes('\\x1b]0;title\\x07\\x1b[2J\\x0d\\x0a\\x9b31m\\u{202e}gnp.exe\\u{2028}\\x7f'), line)
  for (const each of below) assert.match(each, /^ {4}/)
})

test('an error stands below its line, with its frames and its causes', () => {
  const inner = new AggregateError([new Error('first'), 'no error'], 'several')
  const error = Object.assign(new Error('the store failed', { cause: inner }), { code: 'EIO' })
  const lines = logged(true, (logger) =>
    logger.error({ err: error, requestId: 'r' }, 'request failed'),
  ).split('\n')
  assert.match(lines[0] ?? '', / ERROR request failed requestId=r$/)
  assert.equal(lines[1], '    Error (EIO): the store failed')
  assert.match(lines[2] ?? '', /^ {8}at .*text-log\.test\.ts/)
  const told = lines.slice(1).filter((line) => !/^ +at /.test(line))
  assert.deepEqual(told.slice(1), [
    '      caused by AggregateError: several',
    '        - Error: first',
    '        - string',
    '',
  ])
})

test('colours come with FORCE_COLOR and go with NO_COLOR', (t) => {
  const before = { ...process.env }
  t.after(() => {
    process.env = before
  })
  const write = () => logged(true, (logger) => logger.warn({ port: 1 }, 'taken'))
  delete process.env.NO_COLOR
  process.env.FORCE_COLOR = '1'
  assert.match(write(), /^\u001b\[2m[\d:.]+\u001b\[22m \u001b\[33mWARN \u001b\[39m /)
  delete process.env.FORCE_COLOR
  process.env.NO_COLOR = '1'
  assert.doesNotMatch(write(), /\u001b/)
})

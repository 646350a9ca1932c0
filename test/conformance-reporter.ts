/**
 * Fails a run in which a file was run that did not have a test that `docs/conformance.md` names in it. A case that a table no
 * longer has is found so, which `test/conformance.test.ts` cannot see in the source.
 */
import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { allConformances } from './conformance/all.ts'
import { nameOf } from './conformance/test-names.ts'

const root = `${import.meta.dirname}/..`

export default async function* conformanceReporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const namesByFile = new Map<string, string[]>()
  for await (const { type, data } of events) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.file === undefined) continue
    const file = relative(root, data.file)
    const names = namesByFile.get(file)
    if (names === undefined) namesByFile.set(file, [data.name])
    else names.push(data.name)
  }
  for (const { dialect, sections } of allConformances)
    for (const rule of sections.flatMap(({ rules }) => rules)) {
      if (!('test' in rule) || namesByFile.get(rule.test.file)?.some(nameOf(rule.test)) !== false) continue
      process.exitCode = 1
      yield `✖ ${dialect}, “${rule.rule}”: ${rule.test.file} ran no test "${rule.test.name}"\n`
    }
}

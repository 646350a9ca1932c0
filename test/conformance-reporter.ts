/**
 * Fails a run in which a file was run that did not have a test that `docs/conformance.md` names in it. A case that a table no
 * longer has is found so, which `test/conformance.test.ts` cannot see in the source. Passes the events on to the reporter of
 * tests that are required, because Node warns of a third reporter.
 */
import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { allConformances } from './conformance/all.ts'
import { nameOf } from './conformance/test-names.ts'
import requiredReporter from './required-reporter.ts'

const root = `${import.meta.dirname}/..`

export default async function* conformanceReporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const names = new Map<string, string[]>()
  yield* requiredReporter(noted(events, names))
  for (const problem of missingTests(names)) {
    process.exitCode = 1
    yield `✖ ${problem}\n`
  }
}

/** The events as they are; adds the names of tests that ended to those of their file. */
async function* noted(events: AsyncIterable<TestEvent>, names: Map<string, string[]>) {
  for await (const event of events) {
    const { type, data } = event
    if ((type === 'test:pass' || type === 'test:fail') && data.file !== undefined) {
      const file = relative(root, data.file)
      const known = names.get(file)
      if (known === undefined) names.set(file, [data.name])
      else known.push(data.name)
    }
    yield event
  }
}

/**
 * @param names of the tests that ran, by file
 * @returns the rules whose test is not among those of its file, in a sentence each; files that did not run have none
 */
export function missingTests(names: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return allConformances.flatMap(({ dialect, sections }) =>
    sections
      .flatMap(({ rules }) => rules)
      .flatMap((rule) => {
        if (!('test' in rule) || names.get(rule.test.file)?.some(nameOf(rule.test)) !== false) return []
        return `${dialect}, “${rule.rule}”: ${rule.test.file} ran no test "${rule.test.name}"`
      }),
  )
}

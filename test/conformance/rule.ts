/**
 * What a vendor's documentation says of its Files API, rule by rule, with the test that shows what this server does about it.
 * `docs/conformance.md` is made of these by `npm run conformance`; `test/conformance.test.ts` checks that every test and
 * setting that is named exists.
 */

/** A test by its name as `node --test` prints it. An ellipsis stands for what differs between the cases of a table. */
export interface NamedTest {
  /** Path from the root of the repository. */
  readonly file: string
  readonly name: string
}

/** A rule that is documented, or that can be seen in the vendor's SDK, and that this server follows. */
interface Holds {
  readonly status: 'holds'
  readonly rule: string
  /** A key of the dialect's `sources`. */
  readonly source: string
  readonly test: NamedTest
}

/** What the vendor leaves open, and this server decides. */
interface Inferred {
  readonly status: 'INFERRED'
  readonly rule: string
  readonly test: NamedTest
  /** The variable that changes it, if there is one. */
  readonly setting?: string
}

/** A documented rule of which this server does something else, on purpose. */
interface Deviates {
  readonly status: 'deviates'
  readonly rule: string
  readonly source: string
  readonly test: NamedTest
  readonly reason: string
  /** The variable that brings the vendor's rule back, if there is one. */
  readonly setting?: string
}

interface OutOfScope {
  readonly status: 'out of scope'
  readonly rule: string
  readonly source: string
  readonly reason: string
}

export type Rule = Holds | Inferred | Deviates | OutOfScope

export interface Section {
  readonly title: string
  readonly rules: readonly Rule[]
}

/** A client that the dialect is tested with. */
export type Client = NpmClient | RecordedClient | TriedClient

/** Runs in the tests, as published. */
interface NpmClient {
  /** The name of a devDependency, which tells the version. */
  readonly npm: string
  /** The file whose tests drive it. */
  readonly file: string
}

/** Its requests were recorded from the published package, and are replayed. */
interface RecordedClient {
  readonly name: string
  readonly version: string
  /** Holds the recording, and names the version. */
  readonly file: string
}

/** Was run against this server by hand. */
interface TriedClient {
  readonly name: string
  readonly version: string
}

/** What is documented of one vendor's API. */
export interface Conformance {
  /** The name of the dialect. */
  readonly dialect: string
  readonly clients: readonly Client[]
  /** Where the rules are from, by the tag that rows carry. */
  readonly sources: Readonly<Record<string, string>>
  readonly sections: readonly Section[]
}

/** @param file path from the root of the repository */
export function testsIn(file: string): (name: string) => NamedTest {
  return (name) => ({ file, name })
}

export function holds(rule: string, source: string, test: NamedTest): Rule {
  return { status: 'holds', rule, source, test }
}

export function inferred(rule: string, test: NamedTest, setting?: string): Rule {
  return { status: 'INFERRED', rule, test, ...(setting === undefined ? {} : { setting }) }
}

export function deviates(
  rule: string,
  source: string,
  reason: string,
  test: NamedTest,
  setting?: string,
): Rule {
  return { status: 'deviates', rule, source, reason, test, ...(setting === undefined ? {} : { setting }) }
}

export function outOfScope(rule: string, source: string, reason: string): Rule {
  return { status: 'out of scope', rule, source, reason }
}

import assert from 'node:assert/strict'
import { Check } from 'typebox/schema'
import { allDialects } from '../src/dialects/all.ts'

type JsonSchema = Readonly<Record<string, unknown>>

interface Operation {
  readonly operationId?: string
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema: JsonSchema }>> }>
  >
}

interface Document {
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

export const descriptions: readonly string[] = [
  ...allDialects.map(({ name }) => name),
  'transfer',
  'tus',
  'admin',
]

/** What a server promises in its OpenAPI documents, and which of it was seen to be so. */
export class Contract {
  /** By operation, the statuses that it may answer. */
  readonly promised = new Map<string, ReadonlySet<string>>()
  /** By operation, those that it did. */
  readonly seen = new Map<string, Set<string>>()
  readonly #operations: readonly {
    readonly address: RegExp
    readonly id: string
    readonly operation: Operation
  }[]

  private constructor(documents: readonly Document[]) {
    this.#operations = documents.flatMap(({ servers, paths }) =>
      Object.entries(paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => {
          const pattern = (servers[0]?.url + path).replaceAll(/\{\w+\}/g, '[^/?]+')
          const id = operation.operationId ?? `${method} ${path}`
          return { address: new RegExp(`^${method.toUpperCase()} ${pattern}(\\?|$)`), id, operation }
        }),
      ),
    )
    for (const { id, operation } of this.#operations) {
      assert.ok(!this.promised.has(id), `two operations are called ${id}`)
      this.promised.set(id, new Set(Object.keys(operation.responses)))
      this.seen.set(id, new Set())
    }
  }

  static async of(url: string): Promise<Contract> {
    const documents = descriptions.map(async (name) => (await fetch(`${url}/${name}/openapi.json`)).json())
    return new Contract((await Promise.all(documents)) as Document[])
  }

  /** Fails unless the document of this address knows the answer. @returns its operation */
  check(method: string, target: string, { status, type, text }: ContractAnswer): string {
    const address = `${method} ${target}`
    // A path without a parameter comes before one with, and one with a verb behind it before one without.
    const parameters = ({ source }: RegExp) => source.split('[').length
    const [found] = this.#operations
      .filter((each) => each.address.test(address))
      .sort(
        ({ address: one }, { address: other }) =>
          parameters(one) - parameters(other) || other.source.length - one.source.length,
      )
    assert.ok(found, `${address} is not described`)
    const { id, operation } = found
    const described = operation.responses[status]
    assert.ok(described, `${id} answered ${status}, which is not described: ${text}`)
    this.seen.get(id)?.add(String(status))
    if (described.content === undefined) assert.equal(text, '', `${id} ${status} has a body`)
    else checkContent(`${id} ${status}`, described.content, type, text)
    return id
  }
}

export interface ContractAnswer {
  readonly status: number
  /** Content-Type, if there is one. */
  readonly type: string | null | undefined
  readonly text: string
}

function checkContent(
  what: string,
  content: Readonly<Record<string, { schema: JsonSchema }>>,
  type: string | null | undefined,
  text: string,
): void {
  if (content['*/*'] !== undefined) return
  const schema = content[type?.split(';')[0] ?? '']?.schema
  assert.ok(schema, `${what} has the content type ${type}`)
  const value: unknown = JSON.parse(text)
  assert.ok(Check(schema, value), `${what} is not of its schema: ${text}`)
}

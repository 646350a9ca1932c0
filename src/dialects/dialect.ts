import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify'
import type { Config } from '../config/config.ts'
import type { Settings, ValuesOf } from '../config/setting.ts'
import type { Caller } from '../core/caller.ts'
import type { ErrorCode, ServiceError } from '../core/errors.ts'
import type { FileIdForm } from '../core/file-id.ts'
import type { FileRecord } from '../core/files/file.ts'
import type { FairBudget } from '../core/limits/fair-budget.ts'
import type { Services } from '../core/services.ts'
import type { Method } from '../grpc/method.ts'
import type { Claim, RequestHead } from '../http/addressee.ts'
import type { ErrorAnswer } from '../http/errors.ts'
import type { Snippets, SnippetTarget } from './snippets.ts'

/**
 * One vendor's API, without the code that serves it, so that commands start fast. Its routes are served below `/<name>` and,
 * where no other dialect claims the request, on the very paths that the vendor prints.
 */
export interface Dialect<Rows extends Settings = Settings> {
  /** Lower case; the prefix of its paths and the name of its ids. */
  readonly name: string
  /** As the vendor writes it. */
  readonly title: string
  /** How the base URL of its SDKs ends, behind the address of its paths: `/v1`. Left out: there. */
  readonly basePath?: string
  readonly settings: Rows
  readonly fileIds: FileIdForm
  /**
   * For the first start: what a newcomer can paste into a shell, with curl. The last dialect of the list puts a file with the
   * content `TEXT` in, sets `ID` to its id and reads it back; each of the others shows the file `ID` in one line. `URL` and
   * `KEY` are set.
   */
  readonly greeting: string
  /** @returns what is wrong with values that do not go together with those of the server, in a sentence */
  check?(values: ValuesOf<Rows>, server: Pick<Config, 'host' | 'publicUrl'>): string | undefined
  load(values: ValuesOf<Rows>, host: DialectHost): Promise<DialectApi>
}

/** What a dialect may ask of the server that it runs in. */
export interface DialectHost {
  /** Known once gRPC is served, if it is. */
  grpcPort(): number | undefined
}

/** What serves a dialect. */
export interface DialectApi {
  /** Headers that each request carries besides the key; told in the documentation. */
  readonly headers?: readonly string[]
  /** Schemes of `Authorization` that take a key, besides `Bearer`; told in the documentation. */
  readonly keySchemes?: readonly string[]
  /** Headers that are a key by themselves; told in the documentation. */
  readonly keyHeaders?: readonly string[]
  /** Name of the parameter of the query that takes a key, if there is one; told in the documentation. */
  readonly keyQuery?: string
  /** Name of the cookie that stands in for the key, if there is one; told in the documentation. */
  readonly cookie?: string
  /**
   * Who calls, by the credentials that this vendor's clients send, on addresses that are no vendor's. Undefined: the request
   * has none of this vendor's.
   * @throws ServiceError `unauthenticated`, `rate-limited`, `origin-forbidden`
   */
  findCaller(services: Services, request: FastifyRequest): Promise<Caller> | undefined
  /** What each operation with a key may refuse, besides what all dialects do; told in the documentation. */
  readonly failures?: readonly ErrorCode[]
  /**
   * Whether a request on a path that several dialects share is this dialect's, by its method, path, query and headers;
   * undefined: nothing says so. Runs on every such request.
   */
  claims?(request: RequestHead): Claim | undefined
  /** Whether a path that ends in a slash means the one without it; undefined: never. */
  ignoresLastSlash?(method: string, path: string): boolean
  /** Beginnings of the vendor's paths: an unknown address below them answers in this dialect's form. */
  readonly rootPaths: readonly string[]
  toErrorAnswer(error: ServiceError, requestId: string): ErrorAnswer
  /** What can be done with a file, in the calls of the vendor's SDKs of the versions that its README names. */
  snippets(target: SnippetTarget): Promise<Snippets>
  /** It shows files also before their bytes have come. */
  readonly showsUploads?: true
  /** In a sentence, why the caller does not get the bytes of a file that is shown; undefined: it does. */
  withholds?(caller: Caller, file: FileRecord): string | undefined
  /** JSON Schema of the bodies that `toErrorAnswer` makes; told in the documentation. */
  readonly errorBody: object
  /** Adds hooks and routes to a server of its own (Fastify encapsulates them). */
  http(server: FastifyInstance, services: Services): void | Promise<void>
  /** Its methods, if the vendor speaks gRPC. */
  grpc?(services: Services, memory: FairBudget): readonly Method[]
  /** Logs what an operator should know at each start. */
  tellStart?(logger: FastifyBaseLogger): void
}

/** A dialect that is served. */
export type ServedDialect = Pick<Dialect, 'name' | 'title' | 'basePath' | 'fileIds'> & DialectApi

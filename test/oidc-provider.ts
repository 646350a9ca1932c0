import { generateKeyPairSync } from 'node:crypto'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

/** The part of `oidc-provider` that is used here; it has no types of its own. */
interface Provider {
  callback(): RequestListener
  interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<{ readonly uid: string }>
  interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>
  readonly Grant: new (about: object) => { addOIDCScope(scope: string): void; save(): Promise<string> }
}

interface Context {
  readonly oidc: {
    readonly session: { readonly accountId: string }
    readonly client: { readonly clientId: string }
    readonly result?: { readonly consent?: { readonly grantId?: string } }
  }
}

export const CLIENT_ID = 'entrepot'
export const CLIENT_SECRET = 'a secret between the two servers'

/** A provider on loopback, whose people have the claims of `accounts` and no passwords. */
export class TestOidcProvider {
  readonly #server: Server
  readonly #accounts: Readonly<Record<string, object>>
  #listener: RequestListener | undefined
  #provider: Provider | undefined
  /** Answers these paths in place of the provider. */
  readonly answers = new Map<string, RequestListener>()
  /** What was asked for, without queries. */
  readonly asked: string[] = []

  private constructor(server: Server, accounts: Readonly<Record<string, object>>) {
    this.#server = server
    this.#accounts = accounts
    server.on('request', (request, response) => this.#answer(request, response))
  }

  /** It answers 503 until `serve`. */
  static async start(accounts: Readonly<Record<string, object>>): Promise<TestOidcProvider> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new TestOidcProvider(server, accounts)
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** @param redirectUri of the one client there is */
  async serve(redirectUri: string): Promise<void> {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    // A text, because there are no types to be found.
    const { default: OidcProvider } = (await import('oidc-provider' as string)) as {
      default: new (issuer: string, options: object) => Provider
    }
    const accounts = this.#accounts
    this.#provider = new OidcProvider(this.issuer, {
      clients: [{ client_id: CLIENT_ID, client_secret: CLIENT_SECRET, redirect_uris: [redirectUri] }],
      jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
      cookies: { keys: ['of this test alone'] },
      claims: { openid: ['sub'], email: ['email'], profile: ['groups'] },
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_context: Context, { uid }: { readonly uid: string }) => `/login/${uid}` },
      ttl: {
        AccessToken: 600,
        AuthorizationCode: 60,
        IdToken: 600,
        Interaction: 600,
        Session: 600,
        Grant: 600,
      },
      findAccount: (_context: Context, id: string) =>
        accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
      // Nobody is asked for consent.
      loadExistingGrant: (context: Context) => this.#grantFor(context),
    })
    this.#listener = this.#provider.callback()
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #grantFor({ oidc: { session, client } }: Context) {
    if (this.#provider === undefined) throw new Error('not served yet')
    const grant = new this.#provider.Grant({ clientId: client.clientId, accountId: session.accountId })
    grant.addOIDCScope('openid profile email')
    await grant.save()
    return grant
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url ?? '', this.issuer)
    this.asked.push(pathname)
    const instead = this.answers.get(pathname)
    if (instead) return void instead(request, response)
    if (this.#listener === undefined) return void response.writeHead(503).end()
    if (pathname.startsWith('/login/')) return void this.#logIn(request, response)
    this.#listener(request, response)
  }

  /** A form of one field, as people see it. */
  async #logIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') {
      response.setHeader('content-type', 'text/html; charset=utf-8')
      response.end(
        '<!doctype html><title>Provider</title><form method="post"><label>Account <input name="account"></label><button>Log in</button></form>',
      )
      return
    }
    let body = ''
    for await (const chunk of request) body += chunk
    const accountId = new URLSearchParams(body).get('account') ?? ''
    const result = this.#accounts[accountId]
      ? { login: { accountId } }
      : { error: 'access_denied', error_description: 'nobody of this name' }
    await this.#provider?.interactionFinished(request, response, result)
  }
}

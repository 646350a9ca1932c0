import type { Configuration, ServerMetadata } from 'openid-client'
import type { Member } from '../../core/access/grant-for-groups.ts'
import { type Clock, HOUR_MS, SECOND_MS } from '../../core/ports/clock.ts'

/** What its operator knows of a provider. */
export interface ProviderSettings {
  readonly issuer: URL
  readonly clientId: string
  readonly clientSecret: { reveal(): string } | undefined
  readonly groupsClaim: string
  readonly userClaim: string
  readonly scopes: string
}

/** What binds the answer of the provider to the browser that was sent there. */
export interface SignInChecks {
  readonly state: string
  readonly nonce: string
  /** Of PKCE (RFC 7636). */
  readonly verifier: string
}

/** Why nobody could sign in: the provider does not answer, or says no, or says what is not true. */
export type ProviderFailure = 'unavailable' | 'refused'

export class ProviderError extends Error {
  override readonly name = 'ProviderError'
  readonly code: ProviderFailure

  constructor(code: ProviderFailure, cause: unknown) {
    super(inWords(cause))
    this.code = code
  }
}

const TIMEOUT_SECONDS = 10
/** A provider rarely moves what its description names. */
const DESCRIPTION_MS = HOUR_MS
/** A provider that is down is asked for its description once in this time, however many want to sign in. */
const RETRY_MS = 2 * SECOND_MS
const MAX_USER_CHARACTERS = 255
const CONTROL = /\p{Cc}/u

/** An OpenID provider. It is asked when somebody signs in, and not before: a server starts while it is down. */
export class OidcProvider {
  readonly #settings: ProviderSettings
  readonly #clock: Clock
  #described: { readonly server: Promise<ServerMetadata>; readonly untilMs: number } | undefined

  constructor(settings: ProviderSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  /** Where a browser is sent to sign in. @throws ProviderError `unavailable` */
  async addressFor(redirectUri: string, { state, nonce, verifier }: SignInChecks): Promise<URL> {
    const client = await import('openid-client')
    const configuration = await this.#configuration()
    return client.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: this.#settings.scopes,
      state,
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
  }

  /**
   * Who came back from the provider.
   * @param address the redirect URI, with the query that the browser brought
   * @throws ProviderError
   */
  async memberAt(address: URL, { state, nonce, verifier }: SignInChecks): Promise<Member> {
    const client = await import('openid-client')
    const configuration = await this.#configuration()
    try {
      const tokens = await client.authorizationCodeGrant(configuration, address, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      })
      const claims: Readonly<Record<string, unknown>> = tokens.claims() ?? {}
      const sub = String(claims.sub)
      const { groupsClaim, userClaim } = this.#settings
      const lacks = [groupsClaim, userClaim].some((name) => claims[name] === undefined)
      const asks = lacks && configuration.serverMetadata().userinfo_endpoint !== undefined
      const more = asks ? await client.fetchUserInfo(configuration, tokens.access_token, sub) : {}
      return memberOf({ ...more, ...claims }, this.#settings)
    } catch (error) {
      if (error instanceof ProviderError) throw error
      throw new ProviderError(isOutage(error) ? 'unavailable' : 'refused', error)
    }
  }

  async #configuration(): Promise<Configuration> {
    const client = await import('openid-client')
    const { issuer, clientId, clientSecret } = this.#settings
    const server = await this.#description()
    const secret = clientSecret?.reveal()
    const configuration = new client.Configuration(
      server,
      clientId,
      {
        ...(secret === undefined ? {} : { client_secret: secret }),
        // The times of tokens are judged by the clock of the service, not by that of the machine.
        [client.clockSkew]: Math.round((this.#clock.now() - Date.now()) / SECOND_MS),
        [client.clockTolerance]: 30,
      },
      secret === undefined ? client.None() : authenticationAt(client, server, secret),
    )
    configuration.timeout = TIMEOUT_SECONDS
    // Also of what came over TLS: a proxy may be in between.
    client.enableNonRepudiationChecks(configuration)
    if (issuer.protocol === 'http:') client.allowInsecureRequests(configuration)
    return configuration
  }

  /** @throws ProviderError `unavailable` */
  #description(): Promise<ServerMetadata> {
    const now = this.#clock.machineNow()
    if (this.#described && now < this.#described.untilMs) return this.#described.server
    const described = { server: this.#discover(), untilMs: now + DESCRIPTION_MS }
    this.#described = described
    described.server.catch(() => {
      if (this.#described === described)
        this.#described = { ...described, untilMs: this.#clock.machineNow() + RETRY_MS }
    })
    return described.server
  }

  async #discover(): Promise<ServerMetadata> {
    const client = await import('openid-client')
    const { issuer, clientId } = this.#settings
    const execute = issuer.protocol === 'http:' ? [client.allowInsecureRequests] : []
    try {
      const found = await client.discovery(issuer, clientId, undefined, client.None(), {
        timeout: TIMEOUT_SECONDS,
        execute,
      })
      return found.serverMetadata()
    } catch (error) {
      throw new ProviderError('unavailable', error)
    }
  }
}

/** Most providers take the secret in the body; some in the header alone (OpenID Connect Discovery 1.0, 3: the default). */
function authenticationAt(client: typeof import('openid-client'), server: ServerMetadata, secret: string) {
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  return methods.includes('client_secret_post')
    ? client.ClientSecretPost(secret)
    : client.ClientSecretBasic(secret)
}

/** @throws ProviderError `refused` for a person without a name that can be kept */
function memberOf(
  claims: Readonly<Record<string, unknown>>,
  { groupsClaim, userClaim }: ProviderSettings,
): Member {
  const userId = claims[userClaim]
  if (
    typeof userId !== 'string' ||
    userId === '' ||
    userId.length > MAX_USER_CHARACTERS ||
    CONTROL.test(userId)
  )
    throw new ProviderError('refused', new Error(`the claim ${userClaim} names nobody`))
  const groups = [claims[groupsClaim] ?? []].flat().filter((group) => typeof group === 'string')
  return { userId, groups }
}

function isOutage(error: unknown): boolean {
  const {
    code = '',
    status = 0,
    cause,
  } = (error ?? {}) as {
    readonly code?: string
    readonly status?: number
    readonly cause?: unknown
  }
  // `fetch` fails with a TypeError for whatever is wrong with the network.
  if (code === 'OAUTH_TIMEOUT' || (error instanceof TypeError && /fetch/.test(error.message))) return true
  return status >= 500 || (cause !== undefined && cause !== error && isOutage(cause))
}

/** What was wrong, without what was sent: tokens and codes are in there. */
function inWords(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown'
  const { error, error_description: more } = cause as {
    readonly error?: unknown
    readonly error_description?: unknown
  }
  const told = [error, more].filter((text) => typeof text === 'string').join(': ')
  const deeper = cause.cause instanceof Error && told === '' ? ` (${cause.cause.message})` : ''
  return `${cause.message}${deeper}${told === '' ? '' : `: ${told}`}`.slice(0, 300)
}

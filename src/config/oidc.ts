import { isLoopback } from './networks.ts'
import { list, text } from './parsers.ts'
import { Secret } from './secret.ts'
import { group, type Parser, setting, WrongValue } from './setting.ts'

const roles = ['viewer', 'member', 'admin', 'operator'] as const

/** What the people of a group get. */
export interface GroupEntry {
  readonly group: string
  /** Id or slug, as the next one. */
  readonly organization: string
  /** `*`: all projects of the organization. */
  readonly project: string
  readonly role: (typeof roles)[number]
}

/** How people sign in with an account that another server keeps. */
export interface OidcSettings {
  /** As it calls itself, a slash at its end included. */
  readonly issuer: URL
  readonly clientId: string
  /** Undefined: a public client, which has none. */
  readonly clientSecret: Secret | undefined
  /** In the order of the setting, which counts. */
  readonly groups: readonly GroupEntry[]
  readonly groupsClaim: string
  readonly userClaim: string
  readonly scopes: string
  /** Whom people sign in with, as they are told. */
  readonly label: string
}

const issuer: Parser<URL> = (given) => {
  const url = URL.parse(given)
  if (url && !url.username && !url.password && !url.search && !url.hash) {
    if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return url
  }
  throw new WrongValue(
    'must be like https://login.example.com, without user, query or fragment. Plain http is for this machine alone.',
  )
}

const EXAMPLE = 'staff=acme/*:admin,readers=acme/docs:viewer'

const entries = list(EXAMPLE, (part) => {
  // A group may have any character but a comma in its name.
  const [, group, organization, project, role] = /^(.+)=([^/=]+)\/([^=]+):(\w+)$/.exec(part) ?? []
  if (group === undefined || organization === undefined || project === undefined) return undefined
  const known = roles.find((name) => name === role)
  if (known === undefined)
    throw new WrongValue(`has the role "${role}"; there are ${roles.join(', ')}, as in "${EXAMPLE}".`)
  return { group, organization, project, role: known }
})

/** Of words with blanks between them (RFC 6749, 3.3). Without `openid` there is no token that says who it is. */
const scopes: Parser<string> = (given) => {
  if (/^[!#-[\]-~]+( [!#-[\]-~]+)*$/.test(given) && given.split(' ').includes('openid')) return given
  throw new WrongValue(`must be words with one blank between them, "openid" among them, not "${given}".`)
}

/** Undefined: people sign in with keys alone. */
export const oidc = group(
  {
    issuer: setting('OIDC_ISSUER <url>', issuer, {
      help: 'OpenID provider with whose accounts people sign in to the console',
      more: 'Like `https://login.example.com`; see [Sign-in with OpenID Connect](docs/oidc.md) for this and those that follow.',
    }),
    clientId: setting('OIDC_CLIENT_ID <id>', text, { help: 'id of this server at the provider' }),
    clientSecret: setting('OIDC_CLIENT_SECRET <secret>', (given) => new Secret(given), {
      secret: true,
      help: 'its secret there; better a variable',
      more: 'A public client has none.',
    }),
    groups: setting('OIDC_GROUPS <groups>', entries, {
      fallback: '',
      help: 'who may do what, by group',
      more: `Like \`${EXAMPLE}\`: group, organization, project (\`*\`: all) and role. Whoever is in none of the groups does not get in.`,
    }),
    groupsClaim: setting('OIDC_GROUPS_CLAIM <claim>', text, {
      fallback: 'groups',
      help: 'claim that names the groups of a person',
    }),
    userClaim: setting('OIDC_USER_CLAIM <claim>', text, {
      fallback: 'sub',
      help: 'claim that names the person',
      more: 'Like `email`, if people cannot choose it themselves.',
    }),
    scopes: setting('OIDC_SCOPES <scopes>', scopes, {
      fallback: 'openid profile email',
      help: 'what is asked of the provider',
      more: 'Some tell groups only if `groups` is among them.',
    }),
    label: setting('OIDC_LABEL <name>', text, {
      otherwise: 'the host of the provider',
      help: 'what the button says behind “Sign in with”',
    }),
  },
  (values, { env, refuse }): OidcSettings | undefined => {
    const { issuer, clientId, groups, label } = values
    if (!env.ENTREPOT_OIDC_ISSUER) {
      for (const name of ['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'OIDC_GROUPS'])
        if (env[`ENTREPOT_${name}`]) refuse(name, 'needs ENTREPOT_OIDC_ISSUER.')
      return undefined
    }
    if (clientId === undefined) refuse('OIDC_CLIENT_ID', 'goes with ENTREPOT_OIDC_ISSUER, and is not set.')
    if (!env.ENTREPOT_OIDC_GROUPS)
      refuse('OIDC_GROUPS', `goes with ENTREPOT_OIDC_ISSUER: set it, like "${EXAMPLE}", or nobody gets in.`)
    if (issuer === undefined || clientId === undefined || groups === undefined) return undefined
    return { ...values, issuer, clientId, label: label ?? issuer.host }
  },
)

import type { ApiKey } from '../core/access/keys.ts'
import type { MetadataStore } from '../core/ports/metadata-store.ts'
import type { FoundSession, Grant, SessionFilter, SessionPage } from '../core/ports/sessions.ts'
import type { SqlEngine, SqlRow } from './engine.ts'
import { keyShape } from './queries/access.ts'
import { grantShape, sessionQueries, sessionShape } from './queries/sessions.ts'

type SessionReads = {
  readonly find: MetadataStore['findSession']
  readonly list: MetadataStore['listSessions']
}

/** Behind every hash. */
const LAST = '~'
/** As many hex digits as a hash has. */
const HASH_CHARACTERS = 64

export function sessionReads(engine: SqlEngine): SessionReads {
  const { ofKeys, ofGrants } = sessionQueries(engine.flavour.builder)
  return {
    async find(hash, now) {
      const range = { first: hash, last: hash.length < HASH_CHARACTERS ? hash + LAST : hash, now }
      const [ofKey] = await engine.read(ofKeys.find, range)
      if (ofKey !== undefined) return withKey(ofKey)
      const [ofGrant] = await engine.read(ofGrants.find, range)
      return ofGrant && withGrant(ofGrant)
    },

    async list(filter, page) {
      const args = listArgs(filter, page)
      const { holder } = filter
      if (holder !== undefined && 'keyId' in holder)
        return (await engine.read(ofKeys.ofKey, args)).map(withKey)
      const name = holder === undefined ? 'all' : 'ofUser'
      const found = [
        ...(await engine.read(ofKeys[name], args)).map(withKey),
        ...(await engine.read(ofGrants[name], args)).map(withGrant),
      ]
      found.sort((one, other) => other.expiresAt - one.expiresAt || (one.hash < other.hash ? -1 : 1))
      return found.slice(0, page.limit)
    },
  }
}

function listArgs({ organizationId, now, holder }: SessionFilter, { after, limit }: SessionPage) {
  return {
    organizationId,
    now,
    holder: holder === undefined ? '' : 'keyId' in holder ? holder.keyId : holder.userId,
    expiresAt: after?.expiresAt ?? Number.MAX_SAFE_INTEGER,
    hash: after?.hash ?? '',
    limit,
  }
}

function withKey(row: SqlRow): FoundSession {
  const key: ApiKey = keyShape.fromRow(row.slice(sessionShape.fields.length))
  return { ...sessionShape.fromRow(row), key, grant: null }
}

function withGrant(row: SqlRow): FoundSession {
  const grant: Grant = grantShape.fromRow(row.slice(sessionShape.fields.length))
  return { ...sessionShape.fromRow(row), key: null, grant }
}

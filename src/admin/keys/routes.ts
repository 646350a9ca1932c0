import type { FastifyInstance } from 'fastify'
import { addKey, listKeys, readKey, revokeKey } from '../../core/access/administer-keys.ts'
import type { ApiKey } from '../../core/access/keys.ts'
import type { Services } from '../../core/services.ts'
import { operation } from '../../http/operation.ts'
import type { AdminOptions } from '../api.ts'
import type { ById } from '../files/routes.ts'
import { namesIn, nextOf, readTenantPage } from '../tenant-lists.ts'
import { printTime, printTimeOrNull } from '../times.ts'
import { readCreateRequest } from './requests.ts'
import * as schemas from './schemas.ts'

const KEYS = '/v1/keys'
const reads = { scope: 'any', limit: 'read', role: 'admin' } as const
const writes = { scope: 'any', limit: 'write', role: 'admin' } as const

export function addKeyRoutes(
  server: FastifyInstance,
  services: Services,
  { keyQuery }: Pick<AdminOptions, 'keyQuery'>,
): void {
  addList(server, services, keyQuery)
  addCreate(server, services)
  const one = { params: schemas.KeyParams, failures: ['key-not-found'] } as const
  const get = operation('Keys', 'admin.keys.get', 'Get a key, without its secret', {
    access: reads,
    ...one,
    response: { 200: schemas.KeyBody },
  })
  server.get<ById>(`${KEYS}/:id`, get, async ({ caller, params }) =>
    toBody(services, await readKey(services, caller, params.id)),
  )
  const revoke = operation('Keys', 'admin.keys.revoke', 'Revoke a key, at once and for good', {
    access: writes,
    ...one,
    failures: [...one.failures, 'storage-full'],
    response: { 204: { type: 'null', description: 'It is revoked, now or from before.' } },
  })
  server.delete<ById>(`${KEYS}/:id`, revoke, async ({ caller, params }, reply) => {
    await revokeKey(services, caller, params.id)
    return reply.code(204).send()
  })
}

function addList(server: FastifyInstance, services: Services, keyQuery: string | undefined): void {
  const docs = operation('Keys', 'admin.keys.list', 'List keys, newest first, revoked ones included', {
    access: reads,
    failures: ['field-unknown', 'field-invalid'],
    querystring: schemas.ListQuery,
    response: { 200: schemas.PageBody },
  })
  server.get(KEYS, docs, async ({ caller, query }) => {
    const page = readTenantPage(query, 'keys', ['organization'], keyQuery)
    const { organization, limit, place: after } = page
    const { items, hasMore, end } = await listKeys(services, caller, { organization, after, limit })
    return { keys: await toBodies(services, items), next: nextOf(page, hasMore, end) }
  })
}

function addCreate(server: FastifyInstance, services: Services): void {
  const docs = operation('Keys', 'admin.keys.create', 'Make a key that may do no more than its maker', {
    access: writes,
    failures: ['field-unknown', 'field-missing', 'field-invalid', 'scope-missing', 'storage-full'],
    body: schemas.CreateBody,
    response: { 201: schemas.MadeBody },
  })
  server.post(KEYS, docs, async ({ caller, body }, reply) => {
    const { key, secret } = await addKey(services, caller, readCreateRequest(body))
    return reply.code(201).send({ key: await toBody(services, key), secret })
  })
}

async function toBody(services: Services, key: ApiKey): Promise<schemas.KeyBody> {
  const [body] = await toBodies(services, [key])
  return body as schemas.KeyBody
}

async function toBodies(services: Services, keys: readonly ApiKey[]): Promise<schemas.KeyBody[]> {
  const named = await namesIn(
    services,
    keys.map(({ organizationId }) => organizationId),
  )
  return keys.map((key) => ({
    id: key.id,
    name: key.name,
    organization: named(key.organizationId),
    projects: key.projectIds.map(named),
    user: key.userId,
    role: key.role,
    scopes: [...key.scopes],
    fidelity: key.fidelity,
    createdAt: printTime(key.createdAt),
    expiresAt: printTimeOrNull(key.expiresAt),
    revokedAt: printTimeOrNull(key.revokedAt),
  }))
}

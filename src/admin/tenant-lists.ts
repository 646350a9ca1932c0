import { type TSchema, Type } from 'typebox'
import type { Services } from '../core/services.ts'
import { parsePageToken, printPageToken } from '../http/page-token.ts'
import { limitIn, limitParameter } from './page-limit.ts'
import { invalid, parameter, requireKnown, type Values } from './request-values.ts'

const MAX_PAGE = 1000

/** A page of organizations, projects or keys. */
export type RequestedPage = ReturnType<typeof readTenantPage>

/**
 * An empty parameter counts as absent.
 * @param noun of the listing, which alone takes its cursors
 * @param known what it takes besides the parameters of a page
 * @param keyQuery the parameter that may carry the key
 * @throws ServiceError `field-unknown`, `field-invalid`
 */
export function readTenantPage(
  query: unknown,
  noun: string,
  known: readonly 'organization'[],
  keyQuery: string | undefined,
) {
  const values = query as Values
  requireKnown(values, [...known, 'limit', 'after'], keyQuery)
  const organization = parameter(values, 'organization')
  const boundTo = [noun, organization ?? null]
  const token = parameter(values, 'after')
  const place = token === undefined ? undefined : parsePageToken(token, boundTo)
  if (token !== undefined && place === undefined)
    throw invalid('after', 'must be `next` of a page of the same list')
  return { organization, limit: limitIn(values, MAX_PAGE), boundTo, place }
}

/** @param place where the page ends; undefined: it is empty */
export function nextOf(
  { boundTo }: RequestedPage,
  hasMore: boolean,
  place: { readonly createdAt: number; readonly slug?: string; readonly id: string } | undefined,
): string | null {
  if (!hasMore || place === undefined) return null
  return printPageToken({ createdAt: place.createdAt, name: place.slug ?? '', id: place.id }, boundTo)
}

/** For the documentation. */
export const pageQuery = {
  limit: limitParameter(MAX_PAGE),
  after: Type.Optional(Type.String({ description: '`next` of the page before.' })),
}

export const organizationQuery = {
  organization: Type.Optional(
    Type.String({
      description: 'ID or slug; by default that of the key. Of others, or of all (`*`), for operators alone.',
    }),
  ),
}

export const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
export const next = orNull(
  Type.String({ description: '`after` of the next page; null: this is the last one.' }),
)
export const time = Type.String({ format: 'date-time' })
export const Named = Type.Object({ id: Type.String({ format: 'uuid' }), slug: Type.String() })
export const ById = Type.Object({ id: Type.String({ format: 'uuid' }) })

const amount = Type.Integer({ minimum: 0 })
export const Bounds = Type.Object(
  { files: orNull(amount), bytes: orNull(amount) },
  { description: 'Of pending and stored files together; null: no bound.', additionalProperties: false },
)
export const Use = Type.Object(
  { files: amount, bytes: amount },
  { description: 'What pending and stored files take, and what is reserved for uploads.' },
)

/** Who is bound, and by what. */
interface Held {
  readonly quotaFiles: number | null
  readonly quotaBytes: number | null
  readonly usedFiles: number
  readonly usedBytes: number
}

export function quotaAndUse({ quotaFiles, quotaBytes, usedFiles, usedBytes }: Held) {
  return {
    quota: { files: quotaFiles, bytes: quotaBytes },
    usage: { files: usedFiles, bytes: usedBytes },
  }
}

type NameOf = (id: string) => { readonly id: string; readonly slug: string }

/** How answers tell these organizations and their projects. */
export async function namesIn(
  { metadata }: Pick<Services, 'metadata'>,
  organizationIds: Iterable<string>,
): Promise<NameOf> {
  const slugs = new Map<string, string>()
  for (const organizationId of new Set(organizationIds)) {
    const organization = await metadata.findOrganization(organizationId)
    const projects = await metadata.listProjects(organizationId)
    for (const { id, slug } of organization ? [organization, ...projects] : projects) slugs.set(id, slug)
  }
  return (id) => ({ id, slug: slugs.get(id) ?? id })
}

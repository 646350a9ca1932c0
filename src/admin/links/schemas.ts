import { type Static, Type } from 'typebox'
import { MAX_LINK_SECONDS, MAX_LINKS_PER_FILE, MIN_LINK_SECONDS } from '../../core/links/file-links.ts'
import { FileParams } from '../files/schemas.ts'

const time = Type.String({ format: 'date-time' })

export const LinkBody = Type.Object({
  id: Type.String({ format: 'uuid' }),
  url: Type.String({ format: 'uri', description: 'Downloads the file without a key.' }),
  createdAt: time,
  expiresAt: Type.String({ format: 'date-time', description: 'At most the end of the file.' }),
  createdBy: Type.String({ description: 'The user of the key, or its project.' }),
})
export type LinkBody = Static<typeof LinkBody>

export const LinksBody = Type.Object({
  links: Type.Array(LinkBody, { maxItems: MAX_LINKS_PER_FILE, description: 'The newest first.' }),
  next: Type.Null({ description: 'There is no other page.' }),
})

export const LinkParams = Type.Object({
  ...FileParams.properties,
  linkId: Type.String({ format: 'uuid' }),
})

export const NewLinkBody = Type.Object(
  { expiresInSeconds: Type.Integer({ minimum: MIN_LINK_SECONDS, maximum: MAX_LINK_SECONDS }) },
  { additionalProperties: false },
)

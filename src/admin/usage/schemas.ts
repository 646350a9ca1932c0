import { Type } from 'typebox'
import { MAX_POINTS } from './requests.ts'

/*
 * For the documentation and the form of answers. Requests are read by `requests.ts`.
 */

const time = (description: string) => Type.String({ format: 'date-time', description })
const orNull = (description: string) => Type.Union([Type.Integer({ description }), Type.Null()])

export const UsageQuery = Type.Object({
  organization: Type.Optional(
    Type.String({ description: 'ID or slug; only operators name another than their own.' }),
  ),
  project: Type.Optional(
    Type.String({
      description:
        'ID or slug; by default the whole organization for admins, and for others the first project of the key.',
    }),
  ),
  from: Type.Optional(
    time('Rounded down to a step; by default 24 hours before `to`, or 30 days with `step=day`.'),
  ),
  to: Type.Optional(time('Rounded up to a step; by default now. At most 91 days after `from`.')),
  hours: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_POINTS,
      description: 'How much time before `to`, in place of `from`.',
    }),
  ),
  step: Type.Optional(Type.Union([Type.Literal('hour'), Type.Literal('day')], { default: 'hour' })),
})

export const UsagePoint = Type.Object({
  at: time('When the hour, or the day of UTC, began.'),
  files: orNull('What counts against quotas at the end, pending uploads included; in the last step now.'),
  bytes: orNull('Their bytes.'),
  created: orNull('Files that came to be, pending uploads included.'),
  deleted: orNull('Files that ended: deleted, expired or cancelled.'),
  requests: orNull('Requests and calls with a key or on a link.'),
  bytesIn: orNull('Bytes of their bodies and messages.'),
  bytesOut: orNull('Bytes of the answers.'),
})

export const UsageBody = Type.Object(
  { series: Type.Array(UsagePoint) },
  { description: 'Oldest first, without gaps. Null: nothing was counted yet.' },
)

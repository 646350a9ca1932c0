import { type TSchema, Type } from 'typebox'

/*
 * For the documentation and the form of answers.
 */

const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const oneOf = <const T extends readonly string[]>(words: T) =>
  Type.Union(words.map((word) => Type.Literal(word)))
const time = Type.String({ format: 'date-time' })
const now = Type.String({ format: 'date-time', description: 'The time of the server.' })
const count = Type.Integer({ minimum: 0 })

export const JobsBody = Type.Object(
  {
    at: now,
    jobs: Type.Array(
      Type.Object({
        name: Type.String(),
        everyMs: Type.Integer(),
        runsOn: oneOf(['each-server', 'one-server']),
        runsHere: Type.Boolean({ description: 'Whether the server that answers has it now.' }),
        isRunning: Type.Boolean(),
        startedAt: orNull(time),
        endedAt: orNull(Type.String({ format: 'date-time', description: 'Of the last run that is over.' })),
        outcome: orNull(oneOf(['ok', 'failed'])),
        done: orNull(Type.Integer({ description: 'How much there was to do.' })),
        error: orNull(Type.String({ description: 'Why it failed.' })),
        runs: count,
        failures: count,
      }),
    ),
  },
  { description: 'As the server that answers knows it, since its start.' },
)

export const SettingsBody = Type.Object({
  settings: Type.Array(
    Type.Object({
      name: Type.String({ description: 'Its variable.' }),
      value: Type.String({ description: '`[secret]` in place of a secret.' }),
      from: oneOf(['flag', 'environment', 'default']),
      help: Type.String(),
      default: Type.String(),
    }),
  ),
})

const state = oneOf(['ok', 'warning', 'failed'])

export const HealthBody = Type.Object({
  at: now,
  state,
  checks: Type.Array(
    Type.Object({
      name: oneOf(['database', 'bytes', 'disk', 'clock', 'certificate', 'jobs', 'servers']),
      state,
      detail: Type.String({ description: 'A sentence for the operator.' }),
    }),
  ),
  server: Type.Object({
    version: Type.String(),
    commit: orNull(Type.String()),
    node: Type.String({ description: 'The version of Node.js.' }),
    startedAt: time,
    publicUrl: Type.String(),
    grpcAddress: orNull(Type.String()),
    metricsUrl: orNull(Type.String()),
    database: oneOf(['sqlite', 'postgresql']),
    bytes: oneOf(['disk', 's3']),
    isEmulator: Type.Boolean(),
  }),
  disk: orNull(Type.Object({ freeBytes: count, sizeBytes: count, reserveBytes: count })),
  nodes: Type.Array(
    Type.Object({
      id: Type.Integer(),
      seenAt: time,
      version: orNull(Type.String()),
      isThis: Type.Boolean(),
      leads: Type.Boolean(),
    }),
  ),
})

export const TailQuery = Type.Object({
  organization: Type.Optional(
    Type.String({
      description:
        'ID or slug. Without it an operator is told of all requests, and an admin of those of its organization.',
    }),
  ),
})

export const tailAnswers = {
  200: {
    description:
      'Events: `request` with a finished request as JSON, `dropped` with how many were left out, `end` with the reason.',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  },
} as const

import { type DestinationStream, type Logger, pino } from 'pino'

/** Where secrets could stand in what is logged: headers of a request, and links, which are credentials themselves. */
const redacted = [
  'req.headers.authorization',
  'req.headers.cookie',
  'headers.authorization',
  'headers.cookie',
]

/** JSON lines; the destination is standard output unless a test names another. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: undefined,
      redact: { paths: redacted, censor: '[secret]' },
      serializers: { req: ({ method, id, url }) => ({ method, id, path: loggablePath(String(url)) }) },
    },
    destination ?? pino.destination({ dest: 1, sync: false }),
  )
}

/** A path without its query and without the token of a link. */
export function loggablePath(url: string): string {
  const [path = ''] = url.split('?')
  return path.replace(/^(\/transfer\/).+/, '$1[link]')
}

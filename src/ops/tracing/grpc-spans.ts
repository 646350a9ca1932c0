import type { Begin, BegunRequest } from './tracing.ts'

/** Codes at which the fault is the server's, by the conventions of OpenTelemetry (semconv/rpc/grpc). */
const FAULTS = ['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS']

interface BegunCall extends Pick<BegunRequest, 'header'> {
  /** `/package.Service/Method` */
  readonly path: string
  readonly requestId: string
}

/** A span for each call of a known method. */
export function traceCalls(begin: Begin) {
  return (call: BegunCall) => {
    const method = call.path.slice(1)
    const span = begin({
      header: (name) => call.header(name),
      describe: () => ({
        name: method,
        attributes: {
          'rpc.system.name': 'grpc',
          'rpc.method': method,
          'entrepot.request.id': call.requestId,
        },
      }),
    })
    return {
      ...span,
      end: (code: string) =>
        span.end(
          { 'rpc.response.status_code': code, ...(code === 'OK' ? {} : { 'error.type': code }) },
          FAULTS.includes(code),
        ),
    }
  }
}

import { ServiceError } from '../../core/errors.ts'

const MAX_QUOTED_CHARACTERS = 200

/** Refuses a form that breaks the format or a limit. `field` is the name of the part. */
export function malformed(message: string, field?: string): ServiceError {
  return new ServiceError('request-malformed', message, field === undefined ? {} : { field })
}

/** Refuses a name with a control character, and quotes it so that the client finds it. */
export class IllegalName extends ServiceError {
  constructor(name: string) {
    const what = /[\r\n]/.test(name) ? 'line break' : 'control character'
    const quoted = JSON.stringify(name.slice(0, MAX_QUOTED_CHARACTERS).toWellFormed())
    // JSON does not escape these.
    const visible = quoted.replace(/[\u007f-\u009f]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)
    super('request-malformed', `A name in the form has a ${what}: ${visible}`)
  }
}

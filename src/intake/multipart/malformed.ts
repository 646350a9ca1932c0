import { ServiceError } from '../../core/errors.ts'

const MAX_QUOTED_CHARACTERS = 200

/** The refusal of a form that breaks the format or a limit of it. `field` is the caller's name for the part. */
export function malformed(message: string, field?: string): ServiceError {
  return new ServiceError('request-malformed', message, field === undefined ? {} : { field })
}

/** The refusal of a name that holds a control character. It quotes the name, so that its owner finds it. */
export class IllegalName extends ServiceError {
  constructor(name: string) {
    const what = /[\r\n]/.test(name) ? 'line break' : 'control character'
    const quoted = JSON.stringify(name.slice(0, MAX_QUOTED_CHARACTERS).toWellFormed())
    // JSON leaves these as they are.
    const visible = quoted.replace(/[\u007f-\u009f]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)
    super('request-malformed', `A name in the form has a ${what}: ${visible}`)
  }
}

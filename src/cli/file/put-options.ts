import { InvalidArgumentError } from 'commander'
import type { Lifetime } from '../lifetime.ts'
import type { ConnectionOptions } from '../remote/connection.ts'

export interface PutOptions extends ConnectionOptions {
  readonly recursive?: true
  readonly project?: string
  readonly name?: string
  readonly purpose?: string
  readonly label?: Readonly<Record<string, string>>
  readonly expires?: Lifetime
  readonly json?: true
}

/** `key=value`, repeatable. @throws InvalidArgumentError */
export function appendLabel(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It is not like key=value.')
  const labels = { ...before }
  // A label may be called __proto__.
  Object.defineProperty(labels, text.slice(0, at), {
    value: text.slice(at + 1),
    enumerable: true,
    configurable: true,
  })
  return labels
}

/** `Upload-Metadata` of a file; the server finds out its type. */
export function metadataOf(
  name: string,
  { project, purpose, label, expires }: PutOptions,
): Record<string, string> {
  return {
    filename: name,
    ...(project === undefined ? {} : { project }),
    ...(purpose === undefined ? {} : { purpose }),
    ...(label === undefined ? {} : { labels: JSON.stringify(label) }),
    ...(expires === undefined ? {} : { expiresInSeconds: `${secondsUntil(expires)}` }),
  }
}

/** From 1. */
export function secondsUntil(lifetime: Lifetime): number {
  return 'seconds' in lifetime ? lifetime.seconds : Math.max(1, Math.ceil((lifetime.at - Date.now()) / 1000))
}

import type { IncomingHttpHeaders } from 'node:http'
import { SECOND_MS } from '../core/ports/clock.ts'
import { parseHttpDate } from '../core/time/http-date.ts'

/** What conditions compare of the bytes that are there. */
export interface Validators {
  /** Quoted and strong. */
  readonly etag: string
  /** Milliseconds since the Unix epoch; compared in whole seconds, like `Last-Modified`. */
  readonly modifiedAt: number
}

/**
 * If-Match, or without it If-Unmodified-Since (RFC 9110, 13.2.2). `there` is undefined if there are no bytes. Ignores
 * what is no HTTP-date, as the other functions do.
 */
export function preconditionHolds(
  headers: IncomingHttpHeaders,
  there: Validators | undefined,
  now: number,
): boolean {
  const tags = headers['if-match']
  // Compared strongly (RFC 9110, 13.1.1): a weak tag never matches.
  if (tags !== undefined) return there !== undefined && (isAny(tags) || tagsIn(tags).includes(there.etag))
  const since = timeIn(headers['if-unmodified-since'], now)
  return since === undefined || there === undefined || wholeSecondOf(there) <= since
}

/** If-None-Match; true if it was not sent. */
export function noneMatches(
  { 'if-none-match': tags }: IncomingHttpHeaders,
  there: Validators | undefined,
): boolean {
  if (tags === undefined || there === undefined) return true
  return !isAny(tags) && !tagsIn(tags).some((tag) => tag.replace(/^W\//, '') === there.etag)
}

/** For GET and HEAD. If-None-Match wins over If-Modified-Since (RFC 9110, 13.2.2). */
export function isNotModified(headers: IncomingHttpHeaders, there: Validators, now: number): boolean {
  if (headers['if-none-match'] !== undefined) return !noneMatches(headers, there)
  const since = timeIn(headers['if-modified-since'], now)
  return since !== undefined && wholeSecondOf(there) <= since
}

/** If-Range, compared exactly (RFC 9110, 13.1.5); true if it was not sent. */
export function rangeIsCurrent(
  { 'if-range': asked }: IncomingHttpHeaders,
  there: Validators,
  now: number,
): boolean {
  if (asked === undefined || asked === there.etag) return true
  return typeof asked === 'string' && timeIn(asked, now) === wholeSecondOf(there)
}

function isAny(tags: string): boolean {
  return tags.trim() === '*'
}

function tagsIn(list: string): string[] {
  return list.split(',').map((tag) => tag.trim())
}

function timeIn(text: string | undefined, now: number): number | undefined {
  return text === undefined ? undefined : parseHttpDate(text, now)
}

function wholeSecondOf({ modifiedAt }: Validators): number {
  return modifiedAt - (modifiedAt % SECOND_MS)
}

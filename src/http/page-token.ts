import { hash } from 'node:crypto'
import { uuidForm } from '../core/file-id.ts'
import type { FileCursor } from '../core/ports/metadata-store.ts'

/**
 * A token that names where a page ended. It is not signed: it can only name a place in a listing that its holder may read anyway.
 * @param boundTo a JSON value, of the listing that alone takes the token; undefined: any does
 */
export function printPageToken({ createdAt, name, id }: FileCursor, boundTo?: unknown): string {
  const binding = boundTo === undefined ? [] : [digestOf(boundTo)]
  return Buffer.from(JSON.stringify([createdAt, name, id, ...binding])).toString('base64url')
}

/** @returns undefined for a text that is no token of this listing */
export function parsePageToken(token: string, boundTo?: unknown): FileCursor | undefined {
  const [createdAt, name, id, binding] = decode(token)
  if (binding !== (boundTo === undefined ? undefined : digestOf(boundTo))) return undefined
  if (!Number.isSafeInteger(createdAt) || typeof name !== 'string' || typeof id !== 'string') return undefined
  // What no store has would be refused by some of them as our own mistake.
  const isPlace = uuidForm.parse(id) === id && name.isWellFormed() && !name.includes('\0')
  return isPlace ? { createdAt: createdAt as number, name, id } : undefined
}

function decode(token: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

function digestOf(boundTo: unknown): string {
  return hash('sha256', JSON.stringify(boundTo), 'base64url').slice(0, 16)
}

import { isUtf8 } from 'node:buffer'
import type { Limits, WholeBody } from './json-content.harness.ts'

const standard = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw](?:==)?|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=?)?$/
const urlSafe = /^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw](?:==)?|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]=?)?$/
const token = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s"{}[\]:,]+/g

/** What `readJsonWithContent` should make of a body, from all of it at once; undefined where it should refuse. */
export function parseWhole(body: Buffer, limits: Limits): WholeBody | undefined {
  const value = parse(body)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { keys, contentCharacters, depth } = outline(body.toString().replace(/^\ufeff/, ''))
  if (new Set(keys).size < keys.length || keys.length > 1000 || depth > 100) return undefined
  if (body.length - contentCharacters > limits.maxOtherBytes) return undefined
  const { content, ...rest } = value as Record<string, unknown>
  if (content === null || content === undefined) return { rest, content: undefined }
  if (typeof content !== 'string' || !(standard.test(content) || urlSafe.test(content))) return undefined
  const bytes = Buffer.from(content, 'base64')
  return bytes.length > limits.maxContentBytes ? undefined : { rest, content: bytes }
}

/** Undefined is no JSON, and neither is what a number or a string cannot hold. */
function parse(body: Buffer): unknown {
  if (!isUtf8(body)) return undefined
  try {
    return JSON.parse(body.toString().replace(/^\ufeff/, ''), (key, value) => {
      const isHeld = typeof value === 'number' ? Number.isFinite(value) : String(value).isWellFormed()
      if (!key.isWellFormed() || (typeof value !== 'object' && !isHeld)) throw new Error('not representable')
      return value
    })
  } catch {
    return undefined
  }
}

/** Of a text that is known to be JSON. */
function outline(text: string): { keys: string[]; contentCharacters: number; depth: number } {
  const found = { keys: [] as string[], contentCharacters: 0, depth: 0 }
  let depth = 0
  const tokens = text.match(token) ?? []
  tokens.forEach((each, index) => {
    if (/^[{[]/.test(each)) depth++
    if (/^[}\]]/.test(each)) depth--
    found.depth = Math.max(found.depth, depth)
    if (depth !== 1 || !each.startsWith('"') || tokens[index + 1] !== ':') return
    const key = JSON.parse(each)
    found.keys.push(key)
    const value = tokens[index + 2] as string
    if (key === 'content' && value.startsWith('"')) found.contentCharacters = Buffer.byteLength(value) - 2
  })
  return found
}

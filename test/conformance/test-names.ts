import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NamedTest } from './rule.ts'

const root = join(import.meta.dirname, '../..')
/** A name may be the argument of a function, which puts something around it. */
const CALL = /\b(?:test|it|describe)(?:\.\w+)?\(\s*(?<wrap>\w+\(\s*)?(?=['"`])/g

const namesByFile = new Map<string, readonly RegExp[]>()

/** @returns whether a test of this name, as `node --test` prints it, is the one that is meant */
export function nameOf({ name }: NamedTest): (printed: string) => boolean {
  const pattern = new RegExp(`^${name.split('…').map(RegExp.escape).join('.*')}$`, 's')
  return (printed) => pattern.test(printed)
}

/** Whether the file calls `test` with this name, or with a template that can make it. */
export function hasTest({ file, name }: NamedTest): boolean {
  let names = namesByFile.get(file)
  if (names === undefined) {
    names = testNames(readFileSync(join(root, file), 'utf8'))
    namesByFile.set(file, names)
  }
  return names.some((pattern) => pattern.test(name))
}

/** @returns a pattern for each name in the source of a test file; whatever a template fills in matches */
export function testNames(source: string): readonly RegExp[] {
  return [...source.matchAll(CALL)].map(({ index, 0: call, groups }) => {
    const around = groups?.wrap === undefined ? '' : '.*'
    return new RegExp(`^${around}${nameAt(source, index + call.length)}${around}$`, 's')
  })
}

/**
 * @param start where the quote of the name is
 * @returns the source of a pattern
 */
function nameAt(source: string, start: number): string {
  const quote = source[start]
  let pattern = ''
  let index = start + 1
  while (index < source.length && source[index] !== quote) {
    if (quote === '`' && source.startsWith('${', index)) {
      pattern += '.*'
      index = endOfExpression(source, index + 2)
    } else {
      if (source[index] === '\\') index += 1
      pattern += RegExp.escape(source[index] ?? '')
      index += 1
    }
  }
  return pattern
}

/** @returns the index after the brace that closes an expression of a template */
function endOfExpression(source: string, start: number): number {
  let index = start
  for (let depth = 1; depth > 0 && index < source.length; index += 1) {
    if (source[index] === '{') depth += 1
    if (source[index] === '}') depth -= 1
  }
  return index
}

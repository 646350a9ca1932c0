/**
 * Whether a client would rather have HTML than JSON (RFC 9110, 12.5.1). Browsers name `text/html`; programs that take anything
 * get JSON.
 */
export function prefersHtml(accept: string | undefined): boolean {
  if (accept === undefined) return false
  const ranges = accept.split(',').map(parseRange)
  return qualityOf('text/html', ranges) > qualityOf('application/json', ranges)
}

/** Whether a client takes an encoding by its name, or by `*` (RFC 9110, 12.5.3). One that sends no header gets none. */
export function acceptsEncoding(accept: string | undefined, encoding: string): boolean {
  const ranges = (accept ?? '').split(',').map(parseRange)
  const found = ranges.find(({ type }) => type === encoding) ?? ranges.find(({ type }) => type === '*')
  return found !== undefined && found.quality > 0
}

interface MediaRange {
  readonly type: string
  /** From 0 to 1. */
  readonly quality: number
}

function parseRange(text: string): MediaRange {
  const [type = '', ...parameters] = text.toLowerCase().split(';')
  const weight = parameters.map((each) => /^\s*q\s*=\s*([\d.]+)\s*$/.exec(each)?.[1]).find(Boolean)
  return { type: type.trim(), quality: weight === undefined ? 1 : Number(weight) }
}

/** The most specific range counts. */
function qualityOf(type: string, ranges: readonly MediaRange[]): number {
  const [main] = type.split('/')
  for (const named of [type, `${main}/*`, '*/*']) {
    const found = ranges.find((range) => range.type === named)
    if (found) return found.quality
  }
  return 0
}

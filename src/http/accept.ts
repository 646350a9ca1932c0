/**
 * Whether a client would rather have HTML than JSON (RFC 9110, 12.5.1). Browsers name `text/html`; programs that take anything
 * get JSON.
 */
export function prefersHtml(accept: string | undefined): boolean {
  if (accept === undefined) return false
  const ranges = accept.split(',').map(parseRange)
  return qualityOf('text/html', ranges) > qualityOf('application/json', ranges)
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

/** As many as there is room for beside a plot: `9,999,999`. */
const MAX_CHARACTERS = 9

const short = new Intl.NumberFormat(undefined, { notation: 'compact' })

/** What stands at a line of an axis: the value as it is written elsewhere, or `25M` where that is too long. */
export function axisText(value: number, show: (value: number) => string): string {
  if (!Number.isInteger(value)) return ''
  const text = show(value)
  return text.length > MAX_CHARACTERS ? short.format(value) : text
}

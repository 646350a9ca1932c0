import styles from './text.module.css'

/** A name as it was sent. What it says of direction ends with it, and it is text whatever it looks like. */
export function Name({ text }: { readonly text: string }) {
  return <bdi class={VISIBLE.test(text) ? undefined : styles.soft}>{visible(text)}</bdi>
}

/** A name on one line, cut where there is no more room. */
export function CutName({ text }: { readonly text: string }) {
  return (
    <bdi class={styles.cut} title={text.slice(0, MAX_TITLE_CHARACTERS)}>
      {visible(text)}
    </bdi>
  )
}

/** Anything but blanks, marks of direction, marks on letters, and the letters that are drawn as nothing. */
const VISIBLE = /[^\p{C}\p{Z}\p{M}\u115f\u1160\u2800\u3164\uffa0]/u

/** What is seen of a name: a link that shows nothing could not be clicked. */
export function visible(name: string): string {
  return VISIBLE.test(name) ? name : 'without a visible name'
}

/** What a tooltip can show. */
const MAX_TITLE_CHARACTERS = 500

const times = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const exactTimes = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' })

/** A time of the API, in the reader's zone. */
export function Time({ iso }: { readonly iso: string }) {
  const date = new Date(iso)
  return (
    <time dateTime={iso} title={exactTimes.format(date)} class={styles.line}>
      {times.format(date)}
    </time>
  )
}

const UNITS = ['kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const

/** `1.5 MB`: thousands, as disks and browsers count. */
export function sizeOf(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length)
  const unit = UNITS[power - 1]
  if (unit === undefined) return `${bytes} B`
  const value = bytes / 1000 ** power
  return new Intl.NumberFormat(undefined, {
    style: 'unit',
    unit,
    maximumFractionDigits: value < 10 ? 1 : 0,
  }).format(value)
}

const spans = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const SPANS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const

/** `in 3 days`, `2 hours ago`; the unit is the largest that fits. */
export function fromNow(iso: string, now = Date.now()): string {
  const ms = Date.parse(iso) - now
  for (const [unit, length] of SPANS)
    if (Math.abs(ms) >= length) return spans.format(Math.trunc(ms / length), unit)
  return spans.format(Math.trunc(ms / 1000), 'second')
}

const counts = new Intl.NumberFormat()

/** `1,000,000`. */
export function countOf(count: number): string {
  return counts.format(count)
}

/** What a terminal shows, with escape sequences for colours and weight (ECMA-48, "SGR") and no others. */
export interface Screen {
  readonly title: string
  readonly lines: readonly string[]
}

const FONT_PX = 13
/** Of most monospaced fonts, 0.6 of their size; `textLength` makes the others fit. */
const COLUMN_PX = 7.8
const ROW_PX = 18
const PADDING_PX = 14
const BAR_PX = 28
const GAP_PX = 16

const BACKGROUND = '#141b22'
const BAR = '#232d38'
const INK = '#dde4ea'
const SOFT = '#8b98a5'

const colours: Readonly<Record<number, string>> = {
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  34: '#79b8ff',
  35: '#d2a8ff',
  36: '#76d9e6',
  90: SOFT,
}

interface Pen {
  colour: string | undefined
  isBold: boolean
  isDim: boolean
}

/** The screens, one below the other, in a picture that looks the same on light and on dark pages. */
export function terminalsToSvg(screens: readonly Screen[], columns: number): string {
  const width = Math.ceil(columns * COLUMN_PX + 2 * PADDING_PX)
  const drawn: string[] = []
  let top = 0
  for (const screen of screens) {
    const height = BAR_PX + screen.lines.length * ROW_PX + 2 * PADDING_PX
    drawn.push(...drawScreen(screen, { top, width, height }))
    top += height + GAP_PX
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top - GAP_PX}" width="${width}" height="${top - GAP_PX}"`,
    ` font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="${FONT_PX}" fill="${INK}">\n`,
    `<title>${escaped(screens.map(({ title }) => title).join(' and '))}, each at a terminal</title>\n`,
    `<style>text{white-space:pre}.b{font-weight:700}.d{fill:${SOFT}}</style>\n`,
    ...drawn,
    '</svg>\n',
  ].join('')
}

function drawScreen(
  { title, lines }: Screen,
  { top, width, height }: { readonly top: number; readonly width: number; readonly height: number },
): readonly string[] {
  const middle = top + BAR_PX / 2
  const dots = [0, 1, 2].map((n) => `<circle cx="${18 + 16 * n}" cy="${middle}" r="4.5" fill="${SOFT}"/>`)
  return [
    `<rect y="${top}" width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>`,
    `<path d="M0 ${top + BAR_PX}v-${BAR_PX - 8}a8 8 0 0 1 8-8h${width - 16}a8 8 0 0 1 8 8v${BAR_PX - 8}z" fill="${BAR}"/>`,
    ...dots,
    `<text x="${width / 2}" y="${middle + 4}" text-anchor="middle" class="d">${escaped(title)}</text>\n`,
    ...lines.flatMap((line, row) => drawLine(line, top + BAR_PX + PADDING_PX + (row + 0.75) * ROW_PX)),
  ]
}

function drawLine(line: string, y: number): readonly string[] {
  const pen: Pen = { colour: undefined, isBold: false, isDim: false }
  const drawn: string[] = []
  let column = 0
  // Texts and the sequences between them, in turn.
  for (const [index, part] of line.split(/\u001b\[([\d;]*)m/).entries()) {
    if (index % 2 === 1) for (const code of part.split(';')) turn(pen, Number(code))
    else {
      if (part.trim() !== '') drawn.push(drawRun(part, column, y, pen))
      column += part.length
    }
  }
  return drawn
}

function drawRun(text: string, column: number, y: number, { colour, isBold, isDim }: Pen): string {
  const begin = text.length - text.trimStart().length
  const shown = text.trim()
  const x = (PADDING_PX + (column + begin) * COLUMN_PX).toFixed(1)
  const classes = [isBold ? 'b' : '', isDim ? 'd' : ''].join('')
  return [
    `<text x="${x}" y="${y}" textLength="${(shown.length * COLUMN_PX).toFixed(1)}"`,
    classes === '' ? '' : ` class="${[...classes].join(' ')}"`,
    colour === undefined ? '' : ` fill="${colour}"`,
    `>${escaped(shown)}</text>\n`,
  ].join('')
}

function turn(pen: Pen, code: number): void {
  if (code === 0) Object.assign(pen, { colour: undefined, isBold: false, isDim: false })
  if (code === 1) pen.isBold = true
  if (code === 2) pen.isDim = true
  if (code === 22) Object.assign(pen, { isBold: false, isDim: false })
  if (code === 39) pen.colour = undefined
  if (colours[code] !== undefined) pen.colour = colours[code]
}

function escaped(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`)
}

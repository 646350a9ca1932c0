/** One instruction of a Dockerfile, as far as ours needs it: continued lines joined, comments left out. */
export interface Instruction {
  readonly name: string
  readonly rest: string
}

export interface Stage {
  readonly name: string
  readonly instructions: readonly Instruction[]
}

/** The stages of a Dockerfile in order; the last one is the image. */
export function stagesOf(text: string): readonly Stage[] {
  const lines = text.replaceAll(/^\s*#.*\n/gm, '').replaceAll(/\\\n/g, ' ')
  const stages: { name: string; instructions: Instruction[] }[] = []
  for (const line of lines.split('\n').map((line) => line.trim())) {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    if (name === 'FROM') stages.push({ name: / AS (\w+)$/.exec(rest)?.[1] ?? '', instructions: [] })
    else if (name !== '') stages.at(-1)?.instructions.push({ name, rest })
  }
  return stages
}

/** `ENV` and `LABEL`: `A=b C="d e"`. */
export function pairsOf(rest: string): Readonly<Record<string, string>> {
  const pairs = [...rest.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)]
  return Object.fromEntries(pairs.map(([, name = '', quoted, plain]) => [name, quoted ?? plain ?? '']))
}

/** `ENTRYPOINT`, `CMD` and the command of `HEALTHCHECK` in their form without a shell. */
export function wordsOf(rest: string): readonly string[] {
  return JSON.parse(rest.slice(rest.indexOf('['))) as readonly string[]
}

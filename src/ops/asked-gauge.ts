import { Gauge, type Registry } from 'prom-client'

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

interface GaugeOptions {
  readonly name: string
  readonly help: string
  readonly labelNames?: readonly string[]
}

/** A gauge whose samples are asked for at each scrape; it has none where there are none. `read` must not reject. */
export function addAskedGauge(
  registry: Registry,
  options: GaugeOptions,
  read: () => readonly Sample[] | Promise<readonly Sample[]>,
): void {
  const labelNames = options.labelNames ?? []
  new Gauge({
    ...options,
    labelNames: [...labelNames],
    registers: [registry],
    async collect() {
      const samples = await read()
      this.reset()
      // A gauge without labels is reset to 0, which would be a value.
      if (labelNames.length === 0) this.remove()
      for (const { labels = {}, value } of samples) this.set(labels, value)
    },
  })
}

/** What several gauges tell a part of: those of one scrape are collected in one turn, and share what was asked, and its failure. */
export function oncePerScrape<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined
  return () => {
    if (asked === undefined) {
      asked = ask()
      queueMicrotask(() => {
        asked = undefined
      })
    }
    return asked
  }
}

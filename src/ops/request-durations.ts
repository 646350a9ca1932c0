import type { Metric } from 'prom-client'

/** Seconds; from a look-up in memory to a large upload on a slow line. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
const NAME = 'entrepot_http_request_duration_seconds'
const HELP = 'Time from the first byte of a request to the last of its answer.'

interface Labels {
  readonly method: string
  readonly route: string
  readonly status: number
}

interface Series {
  readonly labels: Labels
  /** How many fell into each bucket, the last being what is longer than all. */
  readonly counts: number[]
  sum: number
}

/**
 * A histogram for prom-client's registry that costs a request two look-ups: the library's own sorts and joins the labels
 * each time, which takes as long as the rest of a small request's bookkeeping.
 */
export class RequestDurations {
  readonly #series: Series[] = []

  /** Counts the answers of one route. Seconds. */
  ofRoute(route: string): (method: string, status: number, seconds: number) => void {
    const byMethod = new Map<string, Map<number, Series>>()
    return (method, status, seconds) => {
      const series = byMethod.get(method)?.get(status) ?? this.#begin({ method, route, status }, byMethod)
      let bucket = 0
      while (bucket < BUCKETS.length && seconds > (BUCKETS[bucket] as number)) bucket++
      series.counts[bucket] = (series.counts[bucket] ?? 0) + 1
      series.sum += seconds
    }
  }

  #begin(labels: Labels, byMethod: Map<string, Map<number, Series>>): Series {
    const series = { labels, counts: new Array(BUCKETS.length + 1).fill(0), sum: 0 }
    this.#series.push(series)
    const byStatus = byMethod.get(labels.method) ?? new Map<number, Series>()
    byMethod.set(labels.method, byStatus.set(labels.status, series))
    return series
  }

  /** As the registry takes it (github.com/siimon/prom-client, README, "Custom metrics"). */
  get metric(): Metric {
    const get = async () => ({
      name: NAME,
      help: HELP,
      type: 'histogram',
      aggregator: 'sum',
      values: this.#series.flatMap(valuesOf),
    })
    return { name: NAME, get } as unknown as Metric
  }
}

function valuesOf({ labels, counts, sum }: Series) {
  let count = 0
  const buckets = [...BUCKETS, '+Inf'].map((le, index) => {
    count += counts[index] ?? 0
    return { metricName: `${NAME}_bucket`, labels: { ...labels, le }, value: count }
  })
  return [
    ...buckets,
    { metricName: `${NAME}_sum`, labels, value: sum },
    { metricName: `${NAME}_count`, labels, value: count },
  ]
}

/** Runs a use case as a part of the request that it is for, where requests are traced. Changes neither result nor failure. */
export type Trace = <T>(name: string, work: () => Promise<T>) => Promise<T>

interface MayTrace {
  readonly trace?: Trace | undefined
}

/** A use case that is told of by its name where its services trace; where they do not, it is called as it is. */
export function traced<S extends MayTrace, Args extends readonly unknown[], T>(
  name: string,
  verb: (services: S, ...args: Args) => Promise<T>,
): (services: S, ...args: Args) => Promise<T> {
  return (services, ...args) =>
    services.trace === undefined
      ? verb(services, ...args)
      : services.trace(name, () => verb(services, ...args))
}

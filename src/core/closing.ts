/**
 * Works with something open, then closes it. If both fail, the failure of the work is thrown: closing after it tells
 * nothing that the caller could act on.
 */
export async function closingAfter<T>(close: () => unknown, work: () => Promise<T>): Promise<T> {
  let result: T
  try {
    result = await work()
  } catch (error) {
    try {
      await close()
    } catch {
      // The work has failed already, and says why.
    }
    throw error
  }
  await close()
  return result
}

interface Part {
  readonly name: string
  readonly close: () => unknown
}

/** What was opened and has to be closed. Nothing is closed twice. */
export class OpenParts {
  readonly #parts: Part[] = []

  add(name: string, close: () => unknown): void {
    this.#parts.push({ name, close })
  }

  /**
   * Closes one after the other, the latest first, each whatever becomes of the others.
   * @throws AggregateError with one error for each that failed, whose cause is the failure
   */
  async close(): Promise<void> {
    const failures: Error[] = []
    for (const part of this.#parts.splice(0).reverse()) failures.push(...(await failureToClose(part)))
    throwAll(failures)
  }

  /** The same, all at once. @throws AggregateError like `close` */
  async closeTogether(): Promise<void> {
    throwAll((await Promise.all(this.#parts.splice(0).map(failureToClose))).flat())
  }
}

async function failureToClose({ name, close }: Part): Promise<Error[]> {
  try {
    await close()
    return []
  } catch (cause) {
    return [new Error(`cannot close ${name}`, { cause })]
  }
}

function throwAll(failures: readonly Error[]): void {
  if (failures.length === 0) return
  throw new AggregateError(failures, failures.map(({ message }) => message).join(', '))
}

/** A failure at the target of a move. The message of `cause` names settings as if they were those of a server. */
export class TargetError extends Error {
  override readonly name = 'TargetError'

  constructor(cause: unknown) {
    super('The target of the move cannot be used', { cause })
  }
}

/** Tells failures at the target from those at the source. @throws TargetError for whatever `work` throws */
export async function atTarget<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new TargetError(error)
  }
}

/** Works with something open, then closes it. If both fail, the failure of the work is thrown: it says why. */
export async function closingAfter<T>(close: () => unknown, work: () => Promise<T>): Promise<T> {
  const result = await work().catch(async (error) => {
    await Promise.try(close).catch(() => undefined)
    throw error
  })
  await close()
  return result
}

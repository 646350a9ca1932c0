/** Under `npm run test:all`, where sizes and times may be what they are in production. */
export const isLong = process.env.ENTREPOT_TEST_LONG !== undefined

/**
 * How often a test repeats something that fails only now and then: `short` under `npm test`, which has to end in minutes,
 * `long` under `npm run test:all`. `ENTREPOT_FAULT_ROUNDS` overrides both, for a long run of one file by hand.
 */
export function rounds({ short, long }: { readonly short: number; readonly long: number }): number {
  const given = process.env.ENTREPOT_FAULT_ROUNDS
  if (given !== undefined) return Number(given)
  return isLong ? long : short
}

/** The `skip` of a test that waits for long, or starts many processes, and whose promise a faster test guards in part. */
export const onlyLong = isLong ? false : 'only under npm run test:all: it takes long'

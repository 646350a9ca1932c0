/**
 * How often a test repeats something that fails only now and then: `short` under `npm test`, which has to end in minutes,
 * `long` under `npm run test:all`. `ENTREPOT_FAULT_ROUNDS` overrides both, for a long run of one file by hand.
 */
export function rounds({ short, long }: { readonly short: number; readonly long: number }): number {
  const given = process.env.ENTREPOT_FAULT_ROUNDS
  if (given !== undefined) return Number(given)
  return process.env.ENTREPOT_TEST_LONG === undefined ? short : long
}

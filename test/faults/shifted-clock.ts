/**
 * Loaded into a process by `--import`: the clock of its machine is then wrong by `ENTREPOT_TEST_CLOCK_SHIFT_MS`. The even
 * clock (`performance.now()`) goes on as it does.
 */
const shiftMs = Number(process.env.ENTREPOT_TEST_CLOCK_SHIFT_MS)
const RealDate = Date
const now = () => RealDate.now() + shiftMs

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
})

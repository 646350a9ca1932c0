/** In place of lodash's: runs at once, and not again before so many ms are over; then once, if it was asked for meanwhile. */
export default function throttle<Args extends unknown[]>(
  run: (...args: Args) => void,
  waitMs: number,
): (...args: Args) => void {
  let next: (() => void) | undefined
  let isWaiting = false
  const rest = () => {
    isWaiting = true
    setTimeout(() => {
      isWaiting = false
      const due = next
      next = undefined
      due?.()
      if (due !== undefined) rest()
    }, waitMs)
  }
  return (...args) => {
    if (isWaiting) {
      next = () => run(...args)
      return
    }
    run(...args)
    rest()
  }
}

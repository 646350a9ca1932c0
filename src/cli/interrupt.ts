const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/**
 * Lets work end in order on Ctrl-C or SIGTERM; a second one ends it at once. The process then dies of the signal, so that
 * shells and supervisors see what happened.
 * @param work stops soon when its signal aborts
 * @param sentence for the operator, once it has stopped
 */
export async function interruptible(
  work: (signal: AbortSignal) => Promise<void>,
  sentence: () => string,
): Promise<void> {
  const controller = new AbortController()
  let received: NodeJS.Signals | undefined
  const stop = (signal: NodeJS.Signals) => {
    if (received !== undefined) return end(signal)
    received = signal
    controller.abort()
  }
  const forget = () => {
    for (const signal of SIGNALS) process.off(signal, stop)
  }
  const end = (signal: NodeJS.Signals) => {
    // Whoever else listens has heard of it, and would only keep the process from dying of it.
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  }
  for (const signal of SIGNALS) process.on(signal, stop)
  try {
    await work(controller.signal)
  } catch (error) {
    if (received === undefined) throw error
  }
  forget()
  if (received === undefined) return
  process.stderr.write(`${sentence()}\n`)
  end(received)
}

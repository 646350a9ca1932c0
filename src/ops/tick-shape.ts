import { createHook } from 'node:async_hooks'

/** Held for as long as the process lives. */
const kept: object[] = []

/**
 * Node makes an object for every `process.nextTick`, with keys that it computes. If a full garbage collection finds none of
 * them alive, V8 forgets their shape, and the code that makes them never recovers: it takes the generic way through the
 * runtime from then on. Measured on Node 26, that is a quarter of all instructions that a small request costs, and it happens
 * to every process that loads much at its start. One such object kept alive keeps the shape.
 * @returns false if this Node makes no such objects any more: then all this can go
 */
export function keepTickShape(): boolean {
  const hook = createHook({
    init(_id, type, _trigger, tick) {
      if (type === 'TickObject') kept.push(tick)
    },
  })
  hook.enable()
  process.nextTick(() => {})
  hook.disable()
  return kept.length > 0
}

import { parentPort } from 'node:worker_threads'
import { type DigestStep, type DigestTask, startDigest } from './digests.ts'

parentPort?.on('message', ({ algorithms, port }: DigestTask) => {
  const running = algorithms.map((algorithm) => [algorithm, startDigest(algorithm)] as const)
  port.on('message', (step: DigestStep) => {
    if (step === 'end') {
      port.postMessage(Object.fromEntries(running.map(([algorithm, digest]) => [algorithm, digest.end()])))
      port.close()
      return
    }
    const bytes = new Uint8Array(step.slab, 0, step.byteLength)
    for (const [, digest] of running) digest.update(bytes)
    port.postMessage(step.slab, [step.slab])
  })
})

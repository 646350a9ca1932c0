import { countOf } from '../../ui/text.tsx'
import { toast } from '../../ui/toast.tsx'
import type { Found } from './gather.ts'
import { addFound } from './queue.ts'

/** Adds what was chosen, and says what was not added. */
export function addAll(found: readonly Found[]): void {
  tellRepeated(addFound(found))
}

/** Adds what was dropped as it is found. */
export async function addDropped(batches: AsyncIterable<readonly Found[]>): Promise<void> {
  let files = 0
  let repeated = 0
  for await (const batch of batches) {
    files += batch.length
    repeated += addFound(batch)
  }
  if (files === 0) toast({ text: 'There are no files in what was dropped.' })
  tellRepeated(repeated)
}

function tellRepeated(repeated: number): void {
  if (repeated > 0)
    toast({ text: `In the queue already: ${countOf(repeated)} ${repeated === 1 ? 'file' : 'files'}.` })
}

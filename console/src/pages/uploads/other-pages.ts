/* Pages of this console in other tabs of the browser: what one of them sends is under way, though it is kept as this page's is. */
/** Of this console: others may be on the same origin, behind other prefixes. */
const channel = new BroadcastChannel(`entrepot uploads ${new URL(document.baseURI).pathname}`)
const QUESTION = 'what is in your queue?'
const ANSWERS_WITHIN_MS = 250

/** @param identities of what this page has in its queue, whenever another one asks */
export function tellOtherPages(identities: () => readonly string[]): void {
  channel.addEventListener('message', ({ data }) => {
    if (data === QUESTION) channel.postMessage(identities())
  })
}

/** The identities of what other pages have in their queues. One that the browser has put to sleep does not answer. */
export async function heldByOtherPages(): Promise<ReadonlySet<string>> {
  const held = new Set<string>()
  const hear = ({ data }: MessageEvent<unknown>) => {
    if (Array.isArray(data)) for (const identity of data) held.add(identity)
  }
  channel.addEventListener('message', hear)
  channel.postMessage(QUESTION)
  await new Promise((resolve) => setTimeout(resolve, ANSWERS_WITHIN_MS))
  channel.removeEventListener('message', hear)
  return held
}

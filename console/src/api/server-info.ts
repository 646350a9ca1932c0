import { signal } from '@preact/signals'

/** What the root of a server tells programs. */
export interface ServerInfo {
  /** Of the SDKs of each API, by its name. */
  readonly baseUrls: Readonly<Record<string, string>>
}

/** Undefined until it has come. */
export const serverInfo = signal<ServerInfo | undefined>(undefined)

/** Asks once. Without it a page lacks the names of the APIs, and works. */
export async function loadServerInfo(): Promise<void> {
  const answer = await fetch(new URL('../', document.baseURI), { headers: { accept: 'application/json' } })
  if (answer.ok) serverInfo.value = (await answer.json()) as ServerInfo
}

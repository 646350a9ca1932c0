/** What a snippet does with a file. */
export type Action = 'get' | 'download' | 'delete'
export type Language = 'curl' | 'python' | 'javascript'

/** A program that can be pasted. The key is in the environment, as `KEY`; a download goes to the file `download`. */
export interface Snippet {
  readonly action: Action
  readonly language: Language
  readonly code: string
}

/** What a snippet is about. */
export interface SnippetTarget {
  /** Of the file. */
  readonly projectId: string
  /** Of the file, in the form of the dialect. */
  readonly id: string
  /** As the vendor's SDKs take it, below the name of the dialect. */
  readonly baseUrl: string
}

/** Calls of one language; an action that is left out cannot be done with this API. */
export interface Calls extends Readonly<Partial<Record<Action, string>>> {
  /** What each of them needs before it. */
  readonly before?: string
}

export type Snippets = Readonly<Partial<Record<Language, Calls>>>

const actions: readonly Action[] = ['get', 'download', 'delete']

/** By action, and of each in the order of the languages. */
export function listSnippets(snippets: Snippets): readonly Snippet[] {
  return actions.flatMap((action) =>
    Object.entries(snippets).flatMap(([language, { before, ...calls }]) => {
      const call = calls[action]
      if (call === undefined) return []
      const code = before === undefined ? call : `${before}\n\n${call}`
      return [{ action, language: language as Language, code }]
    }),
  )
}

interface ScriptPolicy {
  createScriptURL(href: string): unknown
}

declare global {
  interface Window {
    /** Where the browser has Trusted Types. */
    readonly trustedTypes?: { createPolicy(name: string, rules: ScriptPolicy): ScriptPolicy }
  }
}

/** The one policy of the page: scripts of workers are assets of this build, and nothing else. */
const policy = window.trustedTypes?.createPolicy('console-worker', {
  createScriptURL: (href) => {
    const { origin, pathname } = new URL(href, document.baseURI)
    const assets = new URL('assets/', document.baseURI)
    if (origin === assets.origin && pathname.startsWith(assets.pathname)) return href
    throw new TypeError(`no script of this build: ${href}`)
  },
})

/** Starts a worker from an asset of this build, whose address is an import that ends in `?url` or `?worker&url`. */
export function startWorker(href: string): Worker {
  return new Worker((policy?.createScriptURL(href) ?? href) as string, { type: 'module' })
}

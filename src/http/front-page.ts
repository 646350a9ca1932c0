import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { prefersHtml } from './accept.ts'

/** Where the root of a server leads. */
export interface FrontPage {
  readonly apis: readonly FrontPageApi[]
  readonly links: readonly FrontPageLink[]
}

export interface FrontPageApi {
  readonly name: string
  readonly title: string
  /** What the base URL of its SDKs has behind the address of the server: `/openai/v1`. */
  readonly basePath: string
}

export interface FrontPageLink {
  /** Of its field in JSON. */
  readonly name: string
  readonly title: string
  readonly about: string
  /** From the root, without a slash at its beginning: so it leads there past a proxy that takes a path prefix off, too. */
  readonly path: string
}

/**
 * `GET /` tells people who open the address of a server what it is and where to go on; programs get the same as JSON. Anybody
 * may ask, so it tells no version, and nothing of what is stored.
 * @param publicUrl where clients find the server, without a slash at its end; known once it listens
 */
export function addFrontPage(server: FastifyInstance, page: FrontPage, publicUrl: () => string): void {
  server.get('/', { config: { access: 'public' } }, async ({ headers }, reply) => {
    reply.headers({ vary: 'accept', 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' })
    if (!prefersHtml(headers.accept)) return toJson(page, publicUrl())
    reply.headers({ 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' })
    return reply.type('text/html; charset=utf-8').send(toHtml(page, publicUrl()))
  })
}

function toJson({ apis, links }: FrontPage, url: string): object {
  return {
    name: 'entrepot',
    ...Object.fromEntries(links.map(({ name, path }) => [name, `${url}/${path}`])),
    baseUrls: Object.fromEntries(apis.map(({ name, basePath }) => [name, url + basePath])),
  }
}

/** Two crates on a quay. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%23c2571a' d='M1 8h6v6H1zM9 8h6v6H9zM5 1h6v6H5z'/%3E%3C/svg%3E"

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6875; --line: #d9dfe5; --paper: #fff; --link: #0b5cad; --code: #f2f5f8 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9ee; --soft: #9aa7b4; --line: #33404d; --paper: #141b22; --link: #79b8ff; --code: #1e2832 }
}
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 44rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; -webkit-text-size-adjust: 100% }
h1 { margin: 0; font-size: 1.75rem }
h2 { margin: 2.25rem 0 .5rem; font-size: 1.1rem }
p { margin: .25rem 0 .75rem }
a { color: var(--link) }
.soft { color: var(--soft) }
ul, dl { margin: 0; padding: 0; list-style: none }
li, .api { padding: .6rem 0; border-top: 1px solid var(--line) }
dt { font-weight: 600 }
dd { margin: 0 }
code { padding: .1em .35em; border-radius: .3em; background: var(--code); font: .9em ui-monospace, monospace;
  overflow-wrap: anywhere }
@media (min-width: 36rem) { .api { display: grid; grid-template-columns: 11rem 1fr; align-items: baseline } }
`

/** The page is text and links: it runs nothing, loads nothing, and nobody frames it. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

function toHtml({ apis, links }: FrontPage, url: string): string {
  const shown = links.map(
    ({ title, about, path }) =>
      `<li><a href="${path}">${title}</a><br><span class="soft">${about}</span></li>`,
  )
  const rows = apis.map(
    ({ title, basePath }) =>
      `<div class="api"><dt>${escaped(title)}</dt><dd><code>${escaped(url + basePath)}</code></dd></div>`,
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Entrepot</title>
<link rel="icon" href="${ICON}">
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Entrepot</h1>
<p class="soft">One self-hosted file store behind every AI Files API.</p>
<p>A file that comes in through one API is there for all the others. Give an SDK a base URL from below and a key of this
server; its operator makes one with <code>entrepot key create</code>.</p>
<ul>
${shown.join('\n')}
</ul>
<h2>Base URLs</h2>
<dl>
${rows.join('\n')}
</dl>
</main>
</body>
</html>
`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

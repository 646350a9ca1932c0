import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { acceptsEncoding } from '../http/accept.ts'
import { routeUnknown } from '../http/errors.ts'
import { pathOf } from '../http/routing.ts'
import { ConsoleAssets, ENCODINGS } from './assets.ts'

const CONSOLE_PATH = '/console'
const PAGES = `${CONSOLE_PATH}/`
const ASSETS = `${PAGES}assets/`

/** Where the build is, from the sources as from what is compiled of them. */
const BUILT = new URL('../../console/dist/', import.meta.url)

/**
 * What the page may do: run what this server sends, and call it. Names, texts and files of users reach the document as text and
 * as `blob:` images alone; the one policy of Trusted Types names the scripts of workers.
 */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'self'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types console-worker',
].join('; ')

/** A worker has that of its script: it calls this server and nobody else. */
const ASSET_POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'"

const BASE = '<base href="./">'
const NOT_BUILT =
  'The console is not built here: run "npm ci" and "npm run build:console" in the checkout, and load this page again.\n'

/** The console, for browsers: pages at any address below `/console/`, and what they load, by name. */
export function addConsole(server: FastifyInstance, folder: URL = BUILT): void {
  const assets = new ConsoleAssets(folder)
  const config = { access: 'public' } as const
  // Relative addresses lead elsewhere without the slash at the end. The target is relative, too: a proxy may have taken a prefix off.
  server.get(CONSOLE_PATH, { config }, ({ url }, reply) =>
    reply.header('cache-control', 'no-store').redirect(`.${PAGES}${url.slice(pathOf(url).length)}`),
  )
  server.get(`${PAGES}*`, { config }, (request, reply) => sendPage(assets, request, reply))
  server.get<{ Params: { '*': string } }>(`${ASSETS}*`, { config }, (request, reply) =>
    sendAsset(assets, request, request.params['*'], reply),
  )
}

async function sendPage(assets: ConsoleAssets, { url }: FastifyRequest, reply: FastifyReply) {
  if (url.startsWith(ASSETS)) throw routeUnknown()
  reply.headers({
    'cache-control': 'no-store',
    'content-security-policy': PAGE_POLICY,
    'cross-origin-opener-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  })
  const page = await assets.page()
  if (page === undefined) return reply.code(503).type('text/plain; charset=utf-8').send(NOT_BUILT)
  return reply.type('text/html; charset=utf-8').send(page.replace(BASE, `<base href="${baseOf(url)}">`))
}

/** From the address of a page to `/console/`. So the page finds it behind a path prefix, and past the proxy that takes it off. */
function baseOf(url: string): string {
  // Its own segment may be percent-encoded, and so longer.
  const depth = pathOf(url).split('/').length - PAGES.split('/').length
  return depth === 0 ? './' : '../'.repeat(depth)
}

async function sendAsset(
  assets: ConsoleAssets,
  { headers }: FastifyRequest,
  name: string,
  reply: FastifyReply,
) {
  const type = await assets.typeOf(name)
  if (type === undefined) throw routeUnknown()
  const encoding = ENCODINGS.find((each) => acceptsEncoding(headers['accept-encoding'], each))
  if (encoding !== undefined) reply.header('content-encoding', encoding)
  reply.headers({
    // The name has a hash of the content.
    'cache-control': 'public, max-age=31536000, immutable',
    'content-security-policy': ASSET_POLICY,
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    vary: 'accept-encoding',
  })
  return reply.type(type).send(await assets.read(name, encoding))
}

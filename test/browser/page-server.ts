import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname } from 'node:path'

const PACKAGES = '/packages/'
const folder = new URL('../../node_modules/', import.meta.url)

/** Where browsers find the packages that a page imports by name: as their `package.json` has it. */
const imports: Readonly<Record<string, string>> = {
  '@transloadit/prettier-bytes': '@transloadit/prettier-bytes/dist/prettierBytes.js',
  '@uppy/core': '@uppy/core/lib/index.js',
  '@uppy/core/utils': '@uppy/core/lib/utils/index.js',
  '@uppy/tus': '@uppy/tus/lib/index.js',
  classnames: 'classnames/index.js',
  eventemitter3: 'eventemitter3/index.mjs',
  'is-network-error': 'is-network-error/index.js',
  'js-base64': 'js-base64/base64.mjs',
  'lodash/': 'lodash/',
  'mime-match': 'mime-match/index.js',
  'namespace-emitter': 'namespace-emitter/index.js',
  'nanoid/non-secure': 'nanoid/non-secure/index.js',
  'p-queue': 'p-queue/dist/index.js',
  'p-retry': 'p-retry/index.js',
  'p-timeout': 'p-timeout/index.js',
  // Uppy has one of its own, older than the console's.
  preact: '@uppy/core/node_modules/preact/dist/preact.mjs',
  'preact/jsx-runtime': '@uppy/core/node_modules/preact/jsx-runtime/dist/jsxRuntime.mjs',
  'preact/hooks': '@uppy/core/node_modules/preact/hooks/dist/hooks.mjs',
  querystringify: 'querystringify/index.js',
  'requires-port': 'requires-port/index.js',
  'tus-js-client': 'tus-js-client/lib.esm/browser/index.js',
  'url-parse': 'url-parse/index.js',
  wildcard: 'wildcard/index.js',
}
const importMap = JSON.stringify({
  imports: Object.fromEntries(Object.entries(imports).map(([name, path]) => [name, PACKAGES + path])),
})

/** Serves an empty page, in which scripts may import packages by name, and bytes to upload. */
export async function servePage(bytes: Uint8Array): Promise<{ url: string; close: () => void }> {
  const server = createServer(({ url = '' }, response) => {
    const serve = async () => {
      if (url.startsWith(PACKAGES)) return sendModule(response, url.slice(PACKAGES.length))
      if (url === '/bytes') return send(response, 'application/octet-stream', bytes)
      return send(response, 'text/html', PAGE)
    }
    serve().catch(() => response.writeHead(404).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://localhost:${(server.address() as AddressInfo).port}/`, close }
}

const PAGE = `<!doctype html><script type="importmap">${importMap}</script>`

async function send(response: ServerResponse, type: string, body: string | Uint8Array): Promise<void> {
  response.writeHead(200, { 'content-type': type }).end(body)
}

async function sendModule(response: ServerResponse, path: string): Promise<void> {
  const text = await readFile(new URL(path, folder), 'utf8')
  if (extname(path) === '.json') return send(response, 'application/json', text)
  const isModule = /^(?:import|export)\b/m.test(text) || /\bexport\s*\{/.test(text)
  await send(response, 'text/javascript', isModule ? text : asModule(text))
}

/** A CommonJS module as an ES module whose default export is what it exports. */
function asModule(text: string): string {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '')
  const names = new Set([...code.matchAll(/\brequire\(['"]([^'"]+)['"]\)/g)].map(([, name = '']) => name))
  const required = [...names].map((name, at) => ({
    name,
    at,
    from: /^\.(?!.*\.js$)/.test(name) ? `${name}.js` : name,
  }))
  return [
    ...required.map(({ at, from }) => `import required${at} from ${JSON.stringify(from)}`),
    `const modules = { ${required.map(({ name, at }) => `${JSON.stringify(name)}: required${at}`).join(', ')} }`,
    'const module = { exports: {} }, global = globalThis',
    ';(function (module, exports, require) {',
    text,
    '})(module, module.exports, (name) => modules[name])',
    'export default module.exports',
  ].join('\n')
}

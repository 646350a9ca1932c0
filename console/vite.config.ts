import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'

/** Where `npm run console` finds a running server; its cookies and its Origin are those of this address. */
const server = process.env.ENTREPOT_URL ?? 'http://127.0.0.1:8420'

/**
 * What pdf.js asks for by name, if a PDF needs it: maps of characters, of Chinese, Japanese and Korean texts, and two decoders
 * of images. The version is in the address of each, so that it is good for ever.
 */
const pdfData: Plugin = {
  name: 'pdf-data',
  apply: 'build',
  generateBundle() {
    const root = join(createRequire(import.meta.url).resolve('pdfjs-dist/package.json'), '..')
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    for (const [folder, pattern] of [
      ['cmaps', /\.bcmap$/],
      ['wasm', /_nowasm_fallback\.js$/],
    ] as const)
      for (const name of readdirSync(join(root, folder)).filter((each) => pattern.test(each)))
        this.emitFile({
          type: 'asset',
          fileName: `assets/pdf-${version}/${name}`,
          source: readFileSync(join(root, folder, name)),
        })
  },
}

/** What Uppy and tus-js-client import for browsers that lack something: every browser that runs the console has it. */
const replaced: Readonly<Record<string, string>> = {
  'url-parse': 'url-parse.ts',
  'js-base64': 'js-base64.ts',
  './fileReader.js': 'file-reader.ts',
  './urlStorage.js': 'url-storage.ts',
  'lodash/throttle.js': 'throttle.ts',
}

const forEveryBrowser: Plugin = {
  name: 'for-every-browser',
  enforce: 'pre',
  resolveId(source, importer) {
    const name = /tus-js-client|@uppy/.test(importer ?? '') ? replaced[source] : undefined
    return name === undefined ? null : fileURLToPath(new URL(`src/native/${name}`, import.meta.url))
  },
  // Of its manifest, Uppy tells its version.
  load: (id) => (/[\\/]@uppy[\\/]\w+[\\/]package\.json$/.test(id) ? '{ "version": "" }' : null),
}

/** `files-grid-row`: of one style sheet, as a hash would be, and smaller than that where it is compressed. */
function classOf(name: string, path: string): string {
  const [file = '', folder = ''] = path.split('/').reverse()
  return `${folder}-${file.replace(/\.module\.css.*$/, '')}-${name}`
}

/** Pages that bring no library. Together they compress better, and whoever has opened one has them all. */
const LIGHT_PAGES =
  /\/console\/src\/(access|ui\/(secret-field|table|tabs)|pages\/(activity|file|keys|projects|sessions|settings|sign-in))\b/

export default defineConfig({
  plugins: [pdfData, forEveryBrowser],
  // Every address is relative, so that the console works behind any path prefix.
  base: './',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  // One copy, whatever versions the packages ask for.
  resolve: { dedupe: ['preact'] },
  css: { modules: { generateScopedName: classOf } },
  build: {
    target: 'es2023',
    // Beside the document, nothing is inline: the page's policy refuses it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    emptyOutDir: true,
    rolldownOptions: {
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [{ name: 'pages', test: LIGHT_PAGES }],
        },
      },
    },
  },
  server: {
    proxy: Object.fromEntries(
      ['/admin', '/tus', '/transfer'].map((path) => [
        path,
        {
          target: server,
          changeOrigin: true,
          headers: { origin: server },
        },
      ]),
    ),
  },
})

import { defineConfig } from 'vite'

/** Where `npm run console` finds a running server; its cookies and its Origin are those of this address. */
const server = process.env.ENTREPOT_URL ?? 'http://127.0.0.1:8420'

export default defineConfig({
  // Every address is relative, so that the console works behind any path prefix.
  base: './',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  // One copy, whatever versions the packages ask for.
  resolve: { dedupe: ['preact'] },
  build: {
    target: 'es2023',
    // Beside the document, nothing is inline: the page's policy refuses it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    emptyOutDir: true,
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

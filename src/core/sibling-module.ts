/**
 * The file of a module beside the one that asks, for what is started and not imported, as a worker is: `.ts` in the
 * repository, `.js` where it was compiled. `importer`: its `import.meta.url`; `name`: without an extension.
 */
export function siblingModule(name: string, importer: string): URL {
  return new URL(`${name}${importer.slice(importer.lastIndexOf('.'))}`, importer)
}

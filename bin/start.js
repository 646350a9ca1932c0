const { existsSync, mkdirSync, statSync } = require('node:fs')
const { constants, enableCompileCache, flushCompileCache } = require('node:module')
const { homedir } = require('node:os')
const { join } = require('node:path')
const { pathToFileURL } = require('node:url')

/** A server has started by then. Node itself writes only when a process ends gracefully. */
const FLUSH_AFTER_MS = 5000

keepCompiledCode()
const compiled = join(__dirname, '../dist/cli/entrepot.js')
import(pathToFileURL(existsSync(compiled) ? compiled : join(__dirname, '../src/cli/entrepot.ts')))

/** Halves the time of every start but the first. Where nothing can be written, each start is like the first. */
function keepCompiledCode() {
  const folder = cacheFolder()
  if (folder === undefined || enableCompileCache(folder).status !== constants.compileCacheStatus.ENABLED)
    return
  // Worker threads do not inherit it otherwise.
  process.env.NODE_COMPILE_CACHE = folder
  setTimeout(flushCompileCache, FLUSH_AFTER_MS).unref()
}

/** A folder of this very user: what is in it is run. Node's own default is shared by all users of the machine. */
function cacheFolder() {
  try {
    const all = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
    const folder = join(all, 'entrepot', 'compiled')
    for (const path of [all, join(all, 'entrepot'), folder]) makeFolder(path)
    return statSync(folder).uid === process.getuid?.() || process.platform === 'win32' ? folder : undefined
  } catch {
    return undefined
  }
}

/** In one that is there. Node's own recursive mkdir never ends where nothing can be made (`HOME=/proc/x`). */
function makeFolder(path) {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
}

// Runs after `npm ci` in a checkout. The package that brings Node.js also brings 68 MB of C++ headers, which are for
// compiling addons; no dependency has one. Plain JavaScript, since it runs on the Node.js of npm itself.
import { existsSync, readdirSync, rmSync } from 'node:fs'

const folder = new URL('../node_modules/node/node_modules/', import.meta.url)
const packages = existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')) : []
for (const name of packages) rmSync(new URL(`${name}/include`, folder), { recursive: true, force: true })

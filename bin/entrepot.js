#!/usr/bin/env node
// For any Node.js, however old: whoever has an old one is told so, instead of being shown a syntax error in start.js.
if (parseInt(process.versions.node, 10) >= 24) {
  require('./start.js')
} else {
  process.stderr.write(
    'error: Entrepot needs Node.js 24 or newer, and this is ' +
      process.versions.node +
      '; get a newer one from https://nodejs.org/en/download, or with a version manager: nvm install --lts\n',
  )
  process.exit(1)
}

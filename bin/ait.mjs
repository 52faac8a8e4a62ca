#!/usr/bin/env node
// Starts every command of the suite: checks the Node it was called with, then hands over to launch.mjs.
// Written so that even a Node far too old can read it and say so.
const major = Number(process.versions.node.split('.')[0])
if (major < 18) {
  console.error(
    'AIT Suite needs Node 18 or newer to set itself up; this is ' +
      process.version +
      '. See https://nodejs.org',
  )
  process.exit(1)
}
import('./launch.mjs').then((launcher) => launcher.main(process.argv.slice(2)))

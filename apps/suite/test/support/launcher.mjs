// Hands a script over as the launcher does: `launcher.mjs <root> <script> [args]`.
import { handOver } from '../../../../bin/hand-over.mjs'

const [root, script, ...args] = process.argv.slice(2)
await handOver({ root, node: process.execPath, script, args })

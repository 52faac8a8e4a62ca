/**
 * The guide's load test without k6: 100 users on auth's /health for 30 seconds (`load-test.js` is the same for k6).
 * The suite has to run: `npm start`, then `node bench/health-load.ts [address [seconds]]`.
 */
import { createRequire } from 'node:module'

const [url = 'http://localhost:8000/health', seconds = '30'] = process.argv.slice(2)
const autocannon = createRequire(import.meta.url)('autocannon')
const result = await autocannon({ url, connections: 100, duration: Number(seconds) })
console.log(autocannon.printResult(result))
const bad = result.non2xx + result.errors + (result['2xx'] === 0 ? 1 : 0)
console.log(`${bad === 0 ? '✓' : '✗'} status is 200: ${result['2xx']} yes, ${bad} no`)
process.exitCode = bad === 0 ? 0 : 1

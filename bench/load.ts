import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cpuSeconds, hasProgram } from './process.ts'

const run = promisify(execFile)

export interface Target {
  url: string
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string
  /** Process whose CPU time is counted. */
  pid: number
}

export interface Load {
  requestsPerSecond: number
  p50Ms: number
  p99Ms: number
  /** CPU time of the server's process per request: the steadiest figure on a machine that does other things. */
  cpuUs: number
}

export const connections = 100
export const driver = hasProgram('wrk', '--version') ? 'wrk' : 'autocannon'

/**
 * Loads a server over 100 kept connections. Refuses to report a rate of answers that are not 2xx.
 * @param folder for the script that tells wrk what to send.
 */
export async function load(target: Target, seconds: number, folder: string): Promise<Load> {
  const cpuBefore = cpuSeconds(target.pid)
  const measure = driver === 'wrk' ? byWrk : byAutocannon
  const { requests, failed, ...result } = await measure(target, seconds, folder)
  const cpuUs = ((cpuSeconds(target.pid) - cpuBefore) * 1e6) / requests
  if (failed > 0) throw new Error(`${target.url}: ${failed} of ${requests} answers were not 2xx`)
  return { ...result, cpuUs }
}

type Outcome = Omit<Load, 'cpuUs'> & { requests: number; failed: number }

async function byWrk(target: Target, seconds: number, folder: string): Promise<Outcome> {
  const script = join(folder, 'wrk.lua')
  await writeFile(script, luaOf(target))
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '--latency', '-s', script]
  const { stdout } = await run('wrk', [...args, target.url])
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0)
  const time = (percentile: string): number => {
    const [, value, unit] = new RegExp(`^\\s+${percentile}%\\s+([\\d.]+)(us|ms|s)$`, 'm').exec(stdout) ?? []
    return Number(value) * ({ us: 0.001, ms: 1, s: 1000 }[unit ?? 's'] as number)
  }
  return {
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: time('50'),
    p99Ms: time('99'),
    requests: number(/(\d+) requests in/),
    failed: number(/Non-2xx or 3xx responses: (\d+)/) + number(/Socket errors: .*read (\d+)/),
  }
}

function luaOf({ method = 'GET', headers = {}, body }: Target): string {
  const text = (value: string): string => JSON.stringify(value)
  return [
    `wrk.method = ${text(method)}`,
    ...Object.entries(headers).map(([name, value]) => `wrk.headers[${text(name)}] = ${text(value)}`),
    ...(body === undefined ? [] : [`wrk.body = ${text(body)}`]),
  ].join('\n')
}

async function byAutocannon(target: Target, seconds: number): Promise<Outcome> {
  const program = createRequire(import.meta.url).resolve('autocannon')
  const { method = 'GET', headers = {}, body } = target
  const args = ['--json', '-c', String(connections), '-d', String(seconds), '-m', method, '-t', '10']
  const sent = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}=${value}`])
  const { stdout } = await run(
    process.execPath,
    [program, ...args, ...sent, ...(body === undefined ? [] : ['-b', body]), target.url],
    { maxBuffer: 1 << 24 },
  )
  const result = JSON.parse(stdout)
  return {
    requestsPerSecond: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    requests: result.requests.total,
    failed: result.non2xx + result.errors,
  }
}

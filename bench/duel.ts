import { load, type Load, type Target } from './load.ts'

const rounds = 5
const warmUpSeconds = 2
const secondsPerRound = 2

export interface Duel {
  ours: Load
  peer: Load
  /** Requests per second, ours to the peer's: the median over the rounds, each of which meets one weather. */
  ratio: number
}

/**
 * Measures two servers in turn, so that what else the machine does meets both alike; gives the median
 * of each figure.
 */
export async function duel(ours: Target, peer: Target, folder: string): Promise<Duel> {
  for (const target of [ours, peer]) await load(target, warmUpSeconds, folder)
  const loads = { ours: [] as Load[], peer: [] as Load[] }
  for (let round = 0; round < rounds; round++) {
    loads.ours.push(await load(ours, secondsPerRound, folder))
    loads.peer.push(await load(peer, secondsPerRound, folder))
  }
  const rates = loads.ours.map(
    (load, round) => load.requestsPerSecond / (loads.peer[round] as Load).requestsPerSecond,
  )
  return { ours: medians(loads.ours), peer: medians(loads.peer), ratio: median(rates) }
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number

function medians(loads: readonly Load[]): Load {
  const of = (read: (load: Load) => number): number => median(loads.map(read))
  return {
    requestsPerSecond: of((load) => load.requestsPerSecond),
    p50Ms: of((load) => load.p50Ms),
    p99Ms: of((load) => load.p99Ms),
    cpuUs: of((load) => load.cpuUs),
  }
}

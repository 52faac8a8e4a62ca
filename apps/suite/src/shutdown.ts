/** One Ctrl-C may arrive several times: from the terminal, the launcher and a service manager. */
const sameRequestMs = 250

/** Requests to stop: signals, the end of the launcher, a failure. */
export interface StopRequests {
  /** Aborts at the first request. */
  signal: AbortSignal
  /** Resolves with the first request. */
  requested: Promise<void>
  /** Resolves with the second one: work under way is not waited for. */
  forced: Promise<void>
  /** What the process ends with: 0, or 1 after `fail`. */
  exitCode(): number
  /** The suite cannot go on. */
  fail(): void
}

export function listenForStop(): StopRequests {
  const controller = new AbortController()
  const first = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  let last = 0
  let failed = false
  const request = (): void => {
    const now = performance.now()
    if (controller.signal.aborted && now - last > sameRequestMs) second.resolve()
    last = now
    controller.abort()
    first.resolve()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, request)
  if (process.connected) {
    process.on('disconnect', request)
    process.channel?.unref()
  }
  return {
    signal: controller.signal,
    requested: first.promise,
    forced: second.promise,
    exitCode: () => (failed ? 1 : 0),
    fail() {
      failed = true
      request()
    },
  }
}

/** Waits until `check` gives something truthy, looking again as soon as the event loop allows. */
export async function until<T>(
  what: string,
  check: () => Promise<T> | T,
  deadlineMs = 10_000,
): Promise<NonNullable<T>> {
  const end = Date.now() + deadlineMs
  for (;;) {
    const found = await check()
    if (found) return found
    if (Date.now() > end) throw new Error(`${what}: not within ${deadlineMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

import { join, relative } from 'node:path'
import { run, type EventData } from 'node:test'
import { inspect, stripVTControlCharacters } from 'node:util'
import { root } from './manifests.ts'

export interface FileResult {
  /** Relative to the repository. */
  file: string
  passed: number
  failed: number
  skipped: { name: string; why: string }[]
  /** What went wrong, ready to print. */
  failures: string[]
  /** What the file wrote to its standard output and error. */
  output: string
  durationMs: number
}

/** The types of Node 26 forget one. */
type Counts = EventData.TestSummary['counts'] & { failed: number }

/** One file may start databases, suites and clusters; a file that takes longer hangs. */
const fileTimeoutMs = 180_000

/** Runs one test file in a process of its own. `signal` ends it early. */
export async function runTestFile(file: string, signal: AbortSignal): Promise<FileResult> {
  const path = join(root, file)
  const result: FileResult = {
    file,
    passed: 0,
    failed: 0,
    skipped: [],
    failures: [],
    output: '',
    durationMs: 0,
  }
  const start = performance.now()
  const late = AbortSignal.timeout(fileTimeoutMs)
  const events = run({ files: [path], cwd: root, signal: AbortSignal.any([signal, late]) })
  const nameOf = followNames(events)
  const write = ({ message }: { message: string }): void => void (result.output += message)
  events.on('test:stdout', write)
  events.on('test:stderr', write)
  events.on('test:pass', (event) => {
    const why = event.skip ?? event.todo
    if (why) result.skipped.push({ name: nameOf(event), why: why === true ? 'no reason given' : why })
  })
  events.on('test:fail', (event) => {
    const failure = failureText(event, event.name === path ? 'the file itself' : nameOf(event))
    if (failure) result.failures.push(failure)
  })
  events.on('test:summary', ({ counts, file: ofFile }) => {
    if (ofFile) return
    result.passed = counts.passed
    result.failed = (counts as Counts).failed + counts.cancelled
  })
  await new Promise((resolve) => events.on('end', resolve).resume())
  if (late.aborted)
    result.failures.push(`It had not ended after ${fileTimeoutMs / 1000} s: something keeps it open`)
  result.durationMs = performance.now() - start
  return result
}

/** Gives a test's name with those of the tests around it. */
function followNames(
  events: ReturnType<typeof run>,
): (event: EventData.TestPass | EventData.TestFail) => string {
  const started = new Map<number, EventData.TestStart>()
  events.on('test:start', (event) => void started.set(event.testId, event))
  return (event) => {
    const names: string[] = [event.name]
    for (let at = started.get(event.parentId ?? 0); at; at = started.get(at.parentId ?? 0))
      names.unshift(at.name)
    return names.join(' › ')
  }
}

/** Undefined for a test that failed only because one inside it did: that one is told. */
function failureText(event: EventData.TestFail, name: string): string | undefined {
  const wrapper = event.details.error as Error & { failureType?: string; cause?: unknown }
  if (wrapper.failureType === 'subtestsFailed') return undefined
  const reason = wrapper.cause ?? wrapper
  const place = event.file && event.line ? ` (${relative(root, event.file)}:${event.line})` : ''
  return `${name}${place}\n${indent(stripVTControlCharacters(inspect(reason, { depth: 6 })))}`
}

export const indent = (text: string): string => text.trimEnd().replace(/^/gm, '    ')

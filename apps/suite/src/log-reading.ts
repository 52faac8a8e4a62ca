import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as sleep } from 'node:timers/promises'

/** The end of a file in which its last lines are looked for. */
const tailBytes = 1024 * 1024
const lookEveryMs = 200

/** The last complete lines of a file; none when it does not exist. */
export function lastLines(path: string, count: number): string[] {
  const size = sizeOf(path)
  const from = Math.max(0, size - tailBytes)
  const lines = readRange(path, from, size).toString().split('\n').slice(0, -1)
  return (from > 0 ? lines.slice(1) : lines).slice(-count || lines.length)
}

/** The time at the beginning of a line, sortable; empty for a line that has none. */
export const timeOf = (line: string): string =>
  (/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{3}/.exec(line.slice(0, 80))?.[0] ?? '').replace(' ', 'T')

/** Prints what is appended to the files, from now on, also across their rotation. Never ends by itself. */
export async function follow(
  files: readonly { name: string; path: string }[],
  print: (name: string, line: string) => void,
): Promise<never> {
  const readers = files.map(({ name, path }) => ({ name, read: appendedLines(path) }))
  for (;;) {
    for (const { name, read } of readers) for (const line of read()) print(name, line)
    await sleep(lookEveryMs)
  }
}

/** Gives the lines that were appended since the last call. */
export function appendedLines(path: string): () => string[] {
  let position = sizeOf(path)
  let inode = inodeOf(path)
  let decoder = new StringDecoder('utf8')
  let unfinished = ''
  return () => {
    const size = sizeOf(path)
    const now = inodeOf(path)
    if (size < position || now !== inode) {
      position = 0
      inode = now
      decoder = new StringDecoder('utf8')
      unfinished = ''
    }
    const text = unfinished + decoder.write(readRange(path, position, size))
    position = size
    const lines = text.split('\n')
    unfinished = lines.pop() as string
    return lines
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0
const inodeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.ino ?? 0

function readRange(path: string, from: number, to: number): Buffer {
  if (to <= from) return Buffer.alloc(0)
  const file = openSync(path, 'r')
  try {
    const buffer = Buffer.alloc(Math.min(to, fstatSync(file).size) - from)
    return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, from))
  } finally {
    closeSync(file)
  }
}

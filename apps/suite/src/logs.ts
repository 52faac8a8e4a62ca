// npm run logs [-- service… -f --tail=100]: the logs below .data/logs in readable lines.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dataDirOf, readEnvironment } from './environment.ts'
import { logFolder } from './log-files.ts'
import { follow, lastLines, timeOf } from './log-reading.ts'
import { readable } from './log-lines.ts'
import { runCommand } from './terminal.ts'
import { Trouble } from './trouble.ts'

await runCommand(async () => {
  const { values, positionals } = readArguments()
  const count = Number(values.tail)
  if (!Number.isInteger(count) || count < 0)
    throw new Trouble(`--tail=${values.tail}: a number of lines, as in --tail=100.`)
  const folder = logFolder(dataDirOf(readEnvironment()))
  const names = chooseLogs(folder, positionals)
  const files = names.map((name) => ({ name, path: join(folder, `${name}.log`) }))
  const color = Boolean(process.stdout.isTTY) && !process.env['NO_COLOR']
  const print = (name: string, line: string): void => console.log(readable(name, line, color))
  const lines = files.flatMap(({ name, path }) => lastLines(path, count).map((line) => ({ name, line })))
  const ordered = lines.toSorted((a, b) => timeOf(a.line).localeCompare(timeOf(b.line)))
  for (const { name, line } of count === 0 ? [] : ordered.slice(-count)) print(name, line)
  if (values.follow ?? process.stdout.isTTY) await follow(files, print)
})

function readArguments() {
  const options = {
    follow: { type: 'boolean', short: 'f' },
    tail: { type: 'string', default: '100' },
  } as const
  try {
    return parseArgs({ options, allowPositionals: true, allowNegative: true })
  } catch (error) {
    throw new Trouble(
      `${(error as Error).message} Use: npm run logs -- [service…] [-f | --no-follow] [--tail=100]`,
    )
  }
}

function chooseLogs(folder: string, wanted: string[]): string[] {
  const there = (existsSync(folder) ? readdirSync(folder) : [])
    .filter((file) => file.endsWith('.log'))
    .map((file) => file.slice(0, -'.log'.length))
  if (there.length === 0) throw new Trouble(`There are no logs in ${folder} yet.`)
  const unknown = wanted.find((name) => !there.includes(name))
  if (unknown) throw new Trouble(`There is no log of ${unknown}: choose from ${there.toSorted().join(', ')}.`)
  return wanted.length > 0 ? wanted : there
}

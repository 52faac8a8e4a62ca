import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { serviceOf } from '../src/crashes.ts'
import { root } from '../src/environment.ts'
import { openLogs, rotate } from '../src/log-files.ts'
import { readable } from '../src/log-lines.ts'
import { appendedLines, lastLines, timeOf } from '../src/log-reading.ts'
import { temporaryFolder } from './support/folder.ts'

test('each service has a log of its own, warnings are told, secrets never are', async () => {
  const data = temporaryFolder()
  const told: string[] = []
  const logs = openLogs({}, data, (name, line) => told.push(`${name} ${JSON.parse(line).msg}`))
  logs.of('auth').info({ password: 'hunter2' }, 'hello')
  logs.of('auth').warn('look here')
  logs.of('storage').debug('not at this level')
  await logs.flush()
  const lines = readFileSync(join(data, 'logs/auth.log'), 'utf8').trim().split('\n')
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).msg),
    ['hello', 'look here'],
  )
  assert.doesNotMatch(lines.join(), /hunter2/)
  assert.equal(readFileSync(join(data, 'logs/storage.log'), 'utf8'), '')
  assert.deepEqual(told, ['auth look here'])
  assert.equal(statSync(join(data, 'logs/auth.log')).mode & 0o777, 0o600)
})

test('a log that is large enough is moved aside once', () => {
  const path = join(temporaryFolder(), 'auth.log')
  assert.equal(rotate(path, 10), false)
  writeFileSync(path, '0123456789')
  assert.equal(rotate(path, 11), false)
  assert.equal(rotate(path, 10), true)
  assert.equal(existsSync(path), false)
  assert.equal(readFileSync(`${path}.1`, 'utf8'), '0123456789')
})

test('the last lines of a log, without an unfinished one', () => {
  const path = join(temporaryFolder(), 'auth.log')
  assert.deepEqual(lastLines(path, 2), [])
  writeFileSync(path, 'one\ntwo\nthree\nfou')
  assert.deepEqual(lastLines(path, 2), ['two', 'three'])
  assert.deepEqual(lastLines(path, 9), ['one', 'two', 'three'])
})

test('appended lines arrive whole, once, and across a rotation', () => {
  const path = join(temporaryFolder(), 'auth.log')
  writeFileSync(path, 'old\n')
  const read = appendedLines(path)
  assert.deepEqual(read(), [])
  const euro = Buffer.from('€\n')
  appendFileSync(path, Buffer.concat([Buffer.from('one\ntwo '), euro.subarray(0, 2)]))
  assert.deepEqual(read(), ['one'])
  appendFileSync(path, euro.subarray(2))
  assert.deepEqual(read(), ['two €'])
  renameSync(path, `${path}.1`)
  assert.deepEqual(read(), [])
  writeFileSync(path, 'a new file begins, longer than the old one\n')
  assert.deepEqual(read(), ['a new file begins, longer than the old one'])
})

test('lines in words, and their times in one order', () => {
  const line =
    '{"level":"info","time":"2026-01-02T03:04:05.678Z","service":"auth","status":200,"path":"/login","msg":"request"}'
  assert.equal(readable('auth', line, false), '03:04:05.678 auth       info  request status=200 path=/login')
  const failed =
    '{"level":"error","time":"2026-01-02T03:04:05.678Z","err":{"stack":"Error: x\\n    at y"},"msg":"failed"}'
  assert.equal(
    readable('auth', failed, true),
    '\x1b[31m03:04:05.678 auth       error failed\nError: x\n    at y\x1b[0m',
  )
  const postgres = '2026-01-02 03:04:05.679 UTC [7] LOG:  ready'
  assert.equal(readable('postgres', postgres, false), `postgres   ${postgres}`)
  assert.ok(timeOf(line) < timeOf(postgres))
})

test('an error belongs to the service whose code it comes from', () => {
  const error = new Error('x')
  error.stack = `Error: x\n    at f (${root}/node_modules/pg/index.js:1:2)\n    at file://${root}/services/storage/zip/stream.ts:3:4\n    at file://${root}/services/auth/x.ts:1:1`
  assert.equal(serviceOf(error), 'storage')
  assert.equal(serviceOf(new Error('from here')), undefined)
  assert.equal(serviceOf('not an error'), undefined)
})

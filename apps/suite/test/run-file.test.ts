import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { processStart } from '../../../bin/process-lock.mjs'
import { claim, readRun } from '../src/run-file.ts'
import { dataDirOf, readEnvironment, root, withSecrets } from '../src/environment.ts'
import { temporaryFolder } from './support/folder.ts'

const auth = { name: 'auth', port: 8000, url: 'http://localhost:8000', docs: '', state: 'ready' as const }

/** The lock of a process that was killed. */
async function killedHolder(data: string): Promise<void> {
  const module = JSON.stringify(join(root, 'bin/process-lock.mjs'))
  const script = `(await import(${module})).takeLock(${JSON.stringify(join(data, 'run.lock'))}); process.kill(process.pid, 'SIGKILL')`
  await once(spawn(process.execPath, ['--input-type=module', '-e', script]), 'exit')
}

test('one suite at a time; others can read what runs', () => {
  const data = temporaryFolder()
  assert.equal(readRun(data), undefined)
  const mine = claim(data)
  mine.write([auth])
  assert.equal(readRun(data)?.pid, process.pid)
  assert.deepEqual(readRun(data)?.services, [auth])
  assert.throws(() => claim(data), {
    message: new RegExp(`already \\(process ${process.pid}\\): see npm run status`),
  })
  mine.release()
  assert.equal(readRun(data), undefined)
  claim(data).release()
})

test('the claim of a killed suite is taken over', async () => {
  const data = temporaryFolder()
  await killedHolder(data)
  assert.ok(existsSync(join(data, 'run.lock')))
  assert.equal(readRun(data), undefined)
  claim(data).release()
})

test('a claim whose process number now belongs to another process is taken over', () => {
  const data = temporaryFolder()
  writeFileSync(join(data, 'run.lock'), `${process.ppid} ${processStart(process.pid)}\n`)
  claim(data).release()
})

test('secrets are made once, kept for this user alone, and give way to the environment', () => {
  const data = temporaryFolder()
  const first = withSecrets({}, data)
  assert.equal(Buffer.from(first['JWT_SECRET_KEY'] as string, 'base64url').length, 48)
  assert.notEqual(first['JWT_SECRET_KEY'], first['SERVICE_AUTH_TOKEN'])
  assert.equal(statSync(join(data, 'secrets.json')).mode & 0o777, 0o600)
  assert.deepEqual(withSecrets({}, data), first)
  const set = withSecrets({ JWT_SECRET_KEY: 'mine' }, data)
  assert.deepEqual(set, { JWT_SECRET_KEY: 'mine', SERVICE_AUTH_TOKEN: first['SERVICE_AUTH_TOKEN'] })
})

test('in production no secret is made', () => {
  const data = temporaryFolder()
  assert.deepEqual(withSecrets({ NODE_ENV: 'production' }, data), { NODE_ENV: 'production' })
  assert.equal(existsSync(join(data, 'secrets.json')), false)
})

test('.env.services is read, and the real environment wins', () => {
  const folder = temporaryFolder()
  assert.deepEqual(readEnvironment(folder, { A: '1' }), { A: '1' })
  writeFileSync(join(folder, '.env.services'), '# comment\nA=from-file\nexport B="two words"\n')
  assert.deepEqual(readEnvironment(folder, { A: '1' }), { A: '1', B: 'two words' })
})

test('data lie in .data of the project, or where DATA_DIR says', () => {
  assert.equal(dataDirOf({}), join(root, '.data'))
  assert.equal(dataDirOf({ DATA_DIR: '/srv/suite' }), '/srv/suite')
  assert.equal(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).name, 'ait-suite')
})

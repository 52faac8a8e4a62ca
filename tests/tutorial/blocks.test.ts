import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyDiff, blocksOf, looksLike } from './blocks.ts'
import { openShell } from './shell.ts'

test('blocks are found with their language, file and line', () => {
  const page = '# Title\n\n```bash\necho 1\n```\ntext\n```ts a/b.ts\nconst a = 1\n\nconst b = 2\n```\n'
  assert.deepEqual(blocksOf(page), [
    { language: 'bash', info: '', text: 'echo 1\n', line: 3 },
    { language: 'ts', info: 'a/b.ts', text: 'const a = 1\n\nconst b = 2\n', line: 7 },
  ])
})

test('a change finds its only place', () => {
  assert.equal(applyDiff('a\nb\nc\n', ' a\n-b\n+B\n+B2\n c\n'), 'a\nB\nB2\nc\n')
  assert.throws(() => applyDiff('a\n', ' x\n+y\n'), /0 places/)
  assert.throws(() => applyDiff('a\nb\na\n', ' a\n+y\n'), /2 places/)
})

test('an answer looks like what is shown of it', () => {
  const answer = { id: 'x1', list: ['view'], more: { a: 1, b: null } }
  assert(looksLike(answer, { id: '…', list: ['view'], more: { b: null } }))
  for (const other of [
    { id: 'x2' },
    { missing: '…' },
    { list: [] },
    { list: ['view', 'edit'] },
    { more: { a: 2 } },
  ])
    assert(!looksLike(answer, other), JSON.stringify(other))
})

test('a block keeps the variables of the one before, and a failing command stops the page', async () => {
  const shell = openShell('.', process.env)
  await shell.run('who=Carla; greet() { echo "hello $1"; }')
  assert.equal(await shell.run('greet $who'), 'hello Carla')
  await assert.rejects(shell.run('echo before; false | cat; echo after'), /the commands failed/)
  await shell.close()
})

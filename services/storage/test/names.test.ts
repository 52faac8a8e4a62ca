import assert from 'node:assert/strict'
import { test } from 'node:test'

import { contentDisposition } from '../domain/disposition.ts'
import { folderPath, freeName, NameError, safeName, splitExtension } from '../domain/names.ts'

test('ordinary names of all scripts stay as they are', () => {
  for (const name of [
    'document.pdf',
    'Ángel & Söhne (1).docx',
    '報告書.txt',
    'می‌خواهم.txt',
    '👩‍👧.png',
    '.profile',
    'a..b',
    'con-tract',
  ])
    assert.equal(safeName(name), name.normalize('NFC'))
})

test('two spellings of one name are one: NFC, no space around it', () => {
  assert.equal(safeName('re\u0301sume\u0301.pdf'), 'r\u00e9sum\u00e9.pdf')
  assert.equal(safeName('  report.pdf '), 'report.pdf')
})

test('names that would do harm are refused, with the reason', () => {
  const refused: [string, RegExp][] = [
    ['', /empty/],
    ['   ', /empty/],
    ['.', /not a name/],
    ['..', /not a name/],
    ['../etc/passwd', /path/],
    ['a\\b.txt', /path/],
    ['nul\0.txt', /control/],
    ['line\nbreak', /control/],
    ['photo\u202egnp.exe', /invisible/],
    ['\ud800', /control/],
    ['caf\ufffd.txt', /UTF-8/],
    ['NUL', /reserved/],
    ['com1.txt', /reserved/],
    ['report.', /dot/],
    ['é'.repeat(128), /255/],
  ]
  for (const [name, reason] of refused)
    assert.throws(
      () => safeName(name),
      (error) => error instanceof NameError && reason.test(error.message),
      JSON.stringify(name),
    )
  assert.equal(safeName('a'.repeat(255)).length, 255)
})

test('a folder path is a list of names and never climbs', () => {
  assert.deepEqual(folderPath('documents'), ['documents'])
  assert.deepEqual(folderPath('/a/b/c/'), ['a', 'b', 'c'])
  assert.deepEqual(folderPath(''), [])
  assert.deepEqual(folderPath('/'), [])
  for (const path of ['..', 'a/../b', './a', 'a//b', 'a/\0', 'C:\\x', 'a/'.repeat(33)])
    assert.throws(() => folderPath(path), NameError, path)
})

test('a taken name gets a number, and stays within 255 bytes', () => {
  const taken = new Set(['a.txt', 'a (2).txt', 'b'])
  assert.equal(
    freeName('a.txt', (name) => taken.has(name)),
    'a (3).txt',
  )
  assert.equal(
    freeName('b', (name) => taken.has(name)),
    'b (2)',
  )
  assert.equal(
    freeName('c', (name) => taken.has(name)),
    'c',
  )
  const long = `${'é'.repeat(125)}.docx`
  const next = freeName(long, (name) => name === long)
  assert.match(next, /é \(2\)\.docx$/)
  assert.ok(Buffer.byteLength(next) <= 255)
  const dotted = `a.${'x'.repeat(253)}`
  assert.equal(Buffer.byteLength(freeName(dotted, (name) => name === dotted)), 255)
  const emoji = `${'👩'.repeat(60)}.txt`
  assert.equal(
    freeName(emoji, (name) => name === emoji),
    `${'👩'.repeat(60)} (2).txt`,
  )
  assert.deepEqual(splitExtension('archive.tar.gz'), ['archive.tar', '.gz'])
  assert.deepEqual(splitExtension('.profile'), ['.profile', ''])
})

test('Content-Disposition gives the real name to every browser', () => {
  assert.equal(contentDisposition('attachment', 'document.pdf'), 'attachment; filename="document.pdf"')
  // RFC 6266 §5 and RFC 8187 §3.2.3.
  assert.equal(
    contentDisposition('attachment', '€ rates'),
    `attachment; filename="_ rates"; filename*=UTF-8''%E2%82%AC%20rates`,
  )
  assert.equal(
    contentDisposition('inline', '£ and € rates').split("UTF-8''")[1]?.toLowerCase(),
    '%c2%a3%20and%20%e2%82%ac%20rates',
  )
  const nasty = contentDisposition('attachment', `a"b\\c%41;d='(e)*.txt`)
  assert.equal(
    nasty,
    `attachment; filename="a_b_c_41;d='(e)*.txt"; filename*=UTF-8''a%22b%5Cc%2541%3Bd%3D%27%28e%29%2A.txt`,
  )
})

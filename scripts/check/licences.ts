import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../manifests.ts'

const permissive = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'PostgreSQL',
  'Python-2.0',
  'Unlicense',
  'Zlib',
])

/** Packages under other licences, and why they may stay. */
const exceptions: { name: RegExp; why: string }[] = [
  {
    name: /^@img\/sharp-libvips-/,
    why: 'LGPL: a shared library of its own, loaded at run time and unchanged, which anybody may replace',
  },
]

/** Says which installed production dependencies are not under a permissive licence. */
export async function licenceProblems(): Promise<string[]> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'))
  const problems: string[] = []
  for (const [path, entry] of Object.entries<{ dev?: boolean; link?: boolean }>(lock.packages)) {
    const folder = join(root, path)
    if (!path.includes('node_modules/') || entry.dev || entry.link || !existsSync(folder)) continue
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    if (exceptions.some((exception) => exception.name.test(name))) continue
    const licence = await licenceOf(folder)
    if (!isPermissive(licence)) problems.push(`${name}: ${licence || 'no licence is named'}`)
  }
  return problems
}

/** The SPDX expression of a package; where it names none, by the text of its licence. */
async function licenceOf(folder: string): Promise<string> {
  const { license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  if (license) return typeof license === 'string' ? license : license.type
  const file = (await readdir(folder)).find((name) => /^licen[cs]e/i.test(name))
  const text = file ? await readFile(join(folder, file), 'utf8') : ''
  return text.includes('Permission is hereby granted, free of charge') ? 'MIT' : ''
}

/** Of alternatives one is enough; of what applies together all must be permissive. */
export const isPermissive = (expression: string): boolean =>
  expression
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((alternative) => alternative.split(' AND ').every((licence) => permissive.has(licence.trim())))

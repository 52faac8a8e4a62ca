import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../manifests.ts'
import { projectFiles } from './files.ts'

/** Folders of people and of build machines: what lies there is on no other machine. */
const machinePath = /(?<![\w./:{}-])\/(?:home|Users|tmp|work|workspaces?|builds?)\/[\w.-]+/

/** The paths of one machine in a text, by line. */
export const machinePathsIn = (text: string): { line: number; path: string }[] =>
  text.split('\n').flatMap((content, index) => {
    const found = machinePath.exec(content)
    return found ? [{ line: index + 1, path: found[0] }] : []
  })

/** Says where a file names a folder that is only on somebody's machine. */
export async function machinePathProblems(): Promise<string[]> {
  const problems: string[] = []
  for (const file of await projectFiles()) {
    const text = await readFile(join(root, file), 'utf8')
    // Binary files hold no words.
    if (text.includes('\0')) continue
    problems.push(...machinePathsIn(text).map(({ line, path }) => `${file}:${line}: ${path}`))
  }
  return problems
}

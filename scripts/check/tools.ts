import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root } from '../manifests.ts'

const bins = {
  oxfmt: 'oxfmt/bin/oxfmt',
  oxlint: 'oxlint/bin/oxlint',
  tsc: 'typescript/bin/tsc',
} as const

/** Runs a development tool on the pinned Node in the project's folder. */
export function runTool(tool: keyof typeof bins, args: readonly string[]): Promise<ToolResult> {
  return runNode([join(root, 'node_modules', bins[tool]), ...args])
}

export interface ToolResult {
  ok: boolean
  output: string
}

/** Runs this Node in the project's folder. */
export async function runNode(args: readonly string[]): Promise<ToolResult> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  return { ok: code === 0, output }
}

export type Lock = { release(): void; heldBy?: undefined } | { heldBy: number; release?: undefined }
export function takeLock(path: string): Lock
export function processStart(pid: number): string | undefined
export function lockHolder(path: string): number | undefined

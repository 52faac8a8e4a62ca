/** `unscanned`: no scanner was configured when it came in. */
export type ScanState = 'unscanned' | 'pending' | 'clean' | 'infected'

/** Whether a content may leave. What no scanner was ever asked about may: an installation without one still works. */
export const mayLeave = (state: ScanState): boolean => state === 'clean' || state === 'unscanned'

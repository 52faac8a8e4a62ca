import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common'

export const MIN_LENGTH = 8
/** Long enough for any passphrase or manager; short enough that hashing it stays cheap. */
export const MAX_LENGTH = 256
/** zxcvbn's 2 of 4: more than 10⁶ guesses. Eight random characters reach it, "Password123!" does not. */
const MIN_SCORE = 2
/**
 * zxcvbn's time grows with the cube of the length: 256 digits keep the whole process busy for a second
 * and more. A beginning of this length that is hard to guess makes the whole hard to guess.
 */
const JUDGED_CHARACTERS = 48
/** A password must hold this much besides the person's own name and address. */
const MIN_OWN_CHARACTERS = 4
const MIN_WORD_LENGTH = 3

export interface PasswordVerdict {
  ok: boolean
  /** zxcvbn's score, 0 (worst) to 4. */
  score: number
  /** Why it was refused, as a sentence for people; absent when it is good. */
  reason?: string
}

export type PasswordCheck = (password: string, context: PasswordContext) => PasswordVerdict

export interface PasswordContext {
  email: string
  fullName: string
}

/**
 * The rules of NIST SP 800-63B §5.1.1.2: length, no composition rules, and a list of common passwords
 * together with words an attacker would try first for this very person.
 */
export function createPasswordCheck(): PasswordCheck {
  const zxcvbn = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs })

  return (password, context) => {
    const length = [...password].length
    if (length < MIN_LENGTH) return refuse(`Use at least ${MIN_LENGTH} characters.`)
    if (length > MAX_LENGTH) return refuse(`Use at most ${MAX_LENGTH} characters.`)
    const words = contextWords(context)
    if (ownCharacters(password, words) < MIN_OWN_CHARACTERS)
      return refuse('It is too close to your name or e-mail address.')
    const beginning = [...password].slice(0, JUDGED_CHARACTERS).join('')
    const { score, feedback } = zxcvbn.check(beginning, words)
    if (score < MIN_SCORE) return refuse(REASONS[feedback.warning ?? ''] ?? 'It is too easy to guess.', score)
    return { ok: true, score }
  }
}

function refuse(reason: string, score = 0): PasswordVerdict {
  return { ok: false, score, reason }
}

/** Words of the name and the address, with and without accents: "Juan Pérez" → juan, pérez, perez. */
export function contextWords({ email, fullName }: PasswordContext): string[] {
  const whole = `${fullName} ${email}`.toLowerCase()
  const words = [email.toLowerCase(), ...whole.split(/[^\p{L}\p{N}]+/u)]
  const bare = words.map((word) => word.normalize('NFD').replace(/\p{M}/gu, ''))
  return [...new Set([...words, ...bare])].filter((word) => word.length >= MIN_WORD_LENGTH)
}

function ownCharacters(password: string, words: string[]): number {
  const longestFirst = words.toSorted((a, b) => b.length - a.length)
  const rest = longestFirst.reduce((left, word) => left.replaceAll(word, ''), password.toLowerCase())
  return [...rest].length
}

/** zxcvbn's warning keys, in words. */
const REASONS: Record<string, string> = {
  topTen: 'It is one of the ten most common passwords.',
  topHundred: 'It is one of the hundred most common passwords.',
  common: 'It is a common password.',
  similarToCommon: 'It is close to a common password.',
  simpleRepeat: 'Repeated characters are easy to guess.',
  extendedRepeat: 'Repeated patterns are easy to guess.',
  sequences: 'Sequences such as "abcd" are easy to guess.',
  keyPattern: 'Rows of keys are easy to guess.',
  straightRow: 'Rows of keys are easy to guess.',
  recentYears: 'Recent years are easy to guess.',
  dates: 'Dates are easy to guess.',
  userInputs: 'It is too close to your name or e-mail address.',
  pwned: 'It is a known leaked password.',
}

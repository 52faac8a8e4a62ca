/** Lower case without accents: "Juan Pérez" is found by "perez". */
const plain = (text: string): string => text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '')

const words = (text: string): string[] =>
  plain(text)
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)

/** What the directory searches in: each word of name and address after a space, and the address as it is. */
export const searchText = (fullName: string, email: string): string =>
  ` ${[...words(fullName), ...words(email), plain(email)].join(' ')}`

/**
 * The words of a query, each of which must begin a word of {@link searchText}. An address stays whole.
 * LIKE's own signs are escaped.
 */
export function searchWords(query: string): string[] {
  const parts = plain(query).split(/\s+/).filter(Boolean)
  return parts
    .flatMap((part) => {
      const found = part.includes('@') ? [] : words(part)
      // Signs alone stay what they are and find nothing, rather than everybody.
      return found.length > 0 ? found : [part]
    })
    .map((word) => word.replaceAll(/[\\%_]/g, '\\$&'))
}

export const catalogue: readonly { name: string; title: string; port: number; path: string; subscriptions: readonly string[] }[] = []

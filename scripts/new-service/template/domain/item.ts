/** What of an item can change. */
export interface ItemState {
  title: string
  body: string
  done: boolean
}

export const applyPatch = <I extends ItemState>(item: I, patch: Partial<ItemState>): I => ({
  ...item,
  ...patch,
})

export const isCompleted = (before: ItemState, after: ItemState): boolean => !before.done && after.done

// Generated from the migrated database by `npm run generate`. Do not edit.

export interface ItemsRow {
  id: string
  owner_id: string
  title: string
  body: string
  done: boolean
  version: number
  created_at: string
  updated_at: string
}

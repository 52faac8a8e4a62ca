/**
 * The services of the user's guide with their ports and databases, as it prints them. Storage keeps
 * its files' names, versions and shares in a database of its own, which the guide does not know of.
 */
export const guideServices: Record<string, { port: number; database: string | null }> = {
  auth: { port: 8000, database: 'auth_db' },
  gateway: { port: 8001, database: null },
  storage: { port: 8002, database: 'storage_db' },
  documents: { port: 8003, database: 'documents_db' },
  mail: { port: 8004, database: null },
  notifications: { port: 8005, database: 'notifications_db' },
  calendar: { port: 8006, database: 'calendar_db' },
  tasks: { port: 8007, database: 'tasks_db' },
  crm: { port: 8008, database: 'crm_db' },
  analytics: { port: 8009, database: 'analytics_db' },
  hr: { port: 8010, database: 'hr_db' },
  workflow: { port: 8011, database: 'workflow_db' },
  collaboration: { port: 8012, database: 'collaboration_db' },
  spreadsheets: { port: 8013, database: 'spreadsheets_db' },
  presentations: { port: 8014, database: 'presentations_db' },
  forms: { port: 8015, database: 'forms_db' },
  notes: { port: 8016, database: 'notes_db' },
  bookings: { port: 8017, database: 'bookings_db' },
  assistant: { port: 8018, database: 'assistant_db' },
  whiteboard: { port: 8019, database: 'whiteboard_db' },
  translator: { port: 8020, database: 'translator_db' },
  'embedded-apps': { port: 8021, database: 'embedded_apps_db' },
}

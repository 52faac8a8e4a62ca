import assert from 'node:assert/strict'
import type { Suite } from './suite.ts'

export interface Person {
  id: string
  email: string
  token: string
  refreshToken: string
}

export const password = 'SecurePass123!'

export async function json(
  url: string,
  options: { method?: string; token?: string; body?: unknown; headers?: Record<string, string> } = {},
) {
  const answer = await fetch(url, {
    method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(options.token && { authorization: `Bearer ${options.token}` }),
      ...(options.body !== undefined && { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
  })
  const text = await answer.text()
  const isJson = answer.headers.get('content-type')?.includes('json') && text !== ''
  return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text }
}

/** Registers a person and signs them in, through the gateway. */
export async function newPerson(suite: Suite, email: string): Promise<Person> {
  const api = `${suite.url('gateway')}/api/v1/auth`
  const registered = await json(`${api}/register`, { body: { email, password, full_name: 'Juan Pérez' } })
  assert.equal(registered.status, 201, JSON.stringify(registered.body))
  return signIn(suite, email)
}

export async function signIn(suite: Suite, email: string): Promise<Person> {
  const api = `${suite.url('gateway')}/api/v1/auth`
  const login = await json(`${api}/login`, { body: { email, password } })
  assert.equal(login.status, 200, JSON.stringify(login.body))
  const me = await json(`${api}/me`, { token: login.body.access_token })
  return { id: me.body.id, email, token: login.body.access_token, refreshToken: login.body.refresh_token }
}

/** Uploads bytes through the gateway. */
export async function upload(
  suite: Suite,
  person: Person,
  name: string,
  bytes: Uint8Array,
  folder = 'documents',
) {
  const form = new FormData()
  form.append('file', new Blob([bytes as Uint8Array<ArrayBuffer>]), name)
  form.append('folder', folder)
  const answer = await fetch(`${suite.url('gateway')}/api/v1/storage/upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${person.token}` },
    body: form,
  })
  return { status: answer.status, body: (await answer.json()) as any }
}

export async function download(suite: Suite, person: Person, id: string): Promise<Buffer> {
  const answer = await fetch(`${suite.url('gateway')}/api/v1/storage/download/${id}`, {
    headers: { authorization: `Bearer ${person.token}` },
  })
  assert.equal(answer.status, 200)
  return Buffer.from(await answer.arrayBuffer())
}

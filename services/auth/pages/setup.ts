import { createHash } from 'node:crypto'

/** Runs in the browser: says everything in the person's language and sends the form. */
const script = `
const texts = {
  en: { title: 'Create the administrator', lead: 'This link works once. The account you create here manages this installation.',
    full_name: 'Name', email: 'E-mail', password: 'Password', hint: 'At least 8 characters; a sentence is best.', send: 'Create administrator',
    done: 'The administrator exists. You can sign in now.', lost: 'The server does not answer. What you typed is still here: try again.',
    used: 'This link has been used or has expired. Start the suite again for a new one.' },
  es: { title: 'Crear el administrador', lead: 'Este enlace sirve una vez. La cuenta que cree aquí administra esta instalación.',
    full_name: 'Nombre', email: 'Correo electrónico', password: 'Contraseña', hint: 'Al menos 8 caracteres; mejor una frase.', send: 'Crear administrador',
    done: 'El administrador existe. Ya puede iniciar sesión.', lost: 'El servidor no responde. Lo escrito sigue aquí: inténtelo de nuevo.',
    wrong: { full_name: 'Escriba su nombre.', email: 'No es una dirección de correo válida.', password: 'Es demasiado corta o fácil de adivinar.' },
    used: 'Este enlace ya se usó o ha caducado. Reinicie la suite para obtener otro.' },
}
const language = navigator.language.startsWith('es') ? 'es' : 'en'
const text = texts[language]
document.documentElement.lang = language
document.title = text.title
for (const node of document.querySelectorAll('[data-text]')) node.textContent = text[node.dataset.text]
const form = document.querySelector('form')
const status = document.querySelector('[role=status]')
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? ''
form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const button = form.querySelector('button')
  button.disabled = true
  for (const node of form.querySelectorAll('.error')) node.textContent = ''
  status.textContent = ''
  try {
    const body = JSON.stringify({ token, ...Object.fromEntries(new FormData(form)) })
    const answer = await fetch(location.pathname, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    if (answer.ok) { form.hidden = true; status.textContent = text.done; return }
    const problem = await answer.json()
    const errors = problem.errors ?? []
    for (const { loc, msg } of errors) {
      const place = document.getElementById(loc.at(-1) + '-error')
      if (place) place.textContent = text.wrong?.[loc.at(-1)] ?? msg
      else status.textContent = msg
    }
    if (errors.length === 0) status.textContent = answer.status === 400 ? text.used : problem.detail
  } catch { status.textContent = text.lost } finally { button.disabled = false }
})
`

const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --page: #f6f8fa; --card: #fff; --line: #8c959f; --accent: #0757b8; --wrong: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b3; --page: #0d1117; --card: #161b22; --line: #6e7681; --accent: #6cb6ff; --wrong: #ff9d94 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 26rem; padding: 2rem; background: var(--card); border-radius: .75rem; box-shadow: 0 1px 4px rgb(0 0 0 / .2) }
h1 { margin: 0 0 .5rem; font-size: 1.35rem } p { margin: 0 0 1.25rem; color: var(--soft) }
label { display: block; margin-bottom: .25rem; font-weight: 600 }
input { width: 100%; padding: .6rem .7rem; font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: .4rem }
.field { margin-bottom: 1rem } .hint { color: var(--soft); font-size: .875rem } .error, [role=status] { color: var(--wrong); font-size: .9rem; min-height: 1.35rem }
form[hidden] + [role=status] { color: inherit; font-size: 1rem }
button { width: 100%; padding: .7rem; font: inherit; font-weight: 600; color: var(--card); background: var(--accent); border: 0; border-radius: .4rem; cursor: pointer }
button:disabled { opacity: .6 } :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
`

const field = (name: string, type: string, autocomplete: string, hint = ''): string => `
<div class="field"><label for="${name}" data-text="${name}"></label>
<input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" required aria-describedby="${name}-error">
${hint}<div class="error" id="${name}-error"></div></div>`

/**
 * The page of the one-time setup link, until somebody is there to sign in to the workspace. The token
 * stays in the fragment, so no server's log has it.
 */
export const setupPage = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer"><title>AIT Suite</title><style>${style}</style></head><body><main>
<h1 data-text="title"></h1><p data-text="lead"></p><form>
${field('full_name', 'text', 'name')}${field('email', 'email', 'username')}
${field('password', 'password', 'new-password', '<div class="hint" data-text="hint"></div>')}
<button data-text="send"></button></form><div role="status"></div></main><script>${script}</script></body></html>`

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** Only the page's own script and style run, and it talks to nobody else. */
export const setupPagePolicy = `default-src 'none'; script-src ${hashOf(script)}; style-src ${hashOf(style)}; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'`

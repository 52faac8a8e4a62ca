import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { FastifyInstance, FastifyReply } from 'fastify'

const locate = createRequire(import.meta.url).resolve
const swaggerUi = dirname(locate('swagger-ui-dist/package.json'))
const assets = new Map(
  Object.entries({
    'swagger-ui.css': { file: join(swaggerUi, 'swagger-ui.css'), type: 'text/css' },
    'swagger-ui-bundle.js': { file: join(swaggerUi, 'swagger-ui-bundle.js'), type: 'text/javascript' },
    'swagger-ui-standalone-preset.js': {
      file: join(swaggerUi, 'swagger-ui-standalone-preset.js'),
      type: 'text/javascript',
    },
    'redoc.js': {
      file: join(dirname(locate('redoc/package.json')), 'bundles/redoc.standalone.js'),
      type: 'text/javascript',
    },
  }),
)

export interface ApiLink {
  name: string
  url: string
}

/**
 * `/openapi.json`, Swagger UI at `/docs` and ReDoc at `/redoc`, from this machine's own files.
 * With several `apis`, Swagger UI offers the choice among them.
 */
export function serveDocs(app: FastifyInstance, title: string, document: object, apis?: ApiLink[]): void {
  const text = JSON.stringify(document)
  app.get('/openapi.json', (_request, reply) => reply.type('application/json').send(text))
  app.get('/docs', (_request, reply) => page(reply, swaggerPage(title, apis)))
  app.get('/redoc', (_request, reply) => page(reply, redocPage(title)))
  app.get<{ Params: { file: string } }>('/docs/assets/:file', (request, reply) => {
    const asset = assets.get(request.params.file)
    if (!asset) return reply.callNotFound()
    return reply
      .type(asset.type)
      .header('cache-control', 'public, max-age=86400')
      .send(createReadStream(asset.file))
  })
}

/** Sends a page whose inline scripts are the only ones it may run. */
function page(reply: FastifyReply, { html, script }: { html: string; script: string }): FastifyReply {
  const hash = createHash('sha256').update(script).digest('base64')
  return reply
    .type('text/html')
    .header(
      'content-security-policy',
      `default-src 'self'; script-src 'self' 'sha256-${hash}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src blob:; frame-ancestors 'none'`,
    )
    .send(html)
}

function swaggerPage(title: string, apis?: ApiLink[]) {
  const source = apis ? { urls: apis } : { url: '/openapi.json' }
  const options = JSON.stringify({ ...source, dom_id: '#ui', deepLinking: true, persistAuthorization: false })
  const script = `const o=${options.replace(/</g, '\\u003c')};o.presets=[SwaggerUIBundle.presets.apis,SwaggerUIStandalonePreset];o.layout=${apis ? "'StandaloneLayout'" : "'BaseLayout'"};SwaggerUIBundle(o)`
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>body{margin:0}</style><title>${escape(title)}</title><link rel="stylesheet" href="/docs/assets/swagger-ui.css"></head><body><div id="ui"></div><script src="/docs/assets/swagger-ui-bundle.js"></script><script src="/docs/assets/swagger-ui-standalone-preset.js"></script><script>${script}</script></body></html>`
  return { html, script }
}

function redocPage(title: string) {
  const script = `Redoc.init('/openapi.json',{disableSearch:false},document.getElementById('ui'))`
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>body{margin:0}</style><title>${escape(title)}</title></head><body><div id="ui"></div><script src="/docs/assets/redoc.js"></script><script>${script}</script></body></html>`
  return { html, script }
}

const escape = (text: string): string => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)

import { T, type Static } from '@ait/kit/contract'

/** Variables of this service. */
export const config = T.Object({
  GATEWAY_FILE: T.String({
    default: 'gateway.yaml',
    description: 'Extra upstreams and limits of paths; read again when it changes; need not exist',
  }),
  GATEWAY_WEB_URL: T.String({
    default: '',
    description:
      'Address of the web workspace, http://localhost:3000; it gets all paths that are nobody else’s',
  }),
  GATEWAY_EXPECTED_SERVICES: T.String({
    default: '',
    description:
      'Services without which /health is down, with commas between them; those of the same process and those with a <NAME>_URL always are',
  }),
  GATEWAY_RATE_USER_PER_MINUTE: T.Integer({
    default: 6000,
    minimum: 1,
    description: 'Requests of one person',
  }),
  GATEWAY_RATE_ADDRESS_PER_MINUTE: T.Integer({
    default: 3000,
    minimum: 1,
    description: 'Requests without a valid token from one address',
  }),
  GATEWAY_BODY_LIMIT_BYTES: T.Integer({
    default: 5_368_709_120,
    minimum: 1024,
    description: 'Largest request body that is passed on; services have narrower limits of their own',
  }),
  GATEWAY_CACHE_BYTES: T.Integer({
    default: 33_554_432,
    minimum: 0,
    description: 'Memory for public answers; 0 stores none',
  }),
  CORS_ORIGINS: T.String({
    default: '',
    description: 'Origins whose pages may call the API, with commas between them',
  }),
  REDIS_URL: T.String({
    default: '',
    description: 'Shares rate limits and WebSocket tickets between replicas; empty: each keeps its own',
  }),
})
export type Config = Static<typeof config>

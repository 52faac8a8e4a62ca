export * from './call.ts'
export * from './services.gen.ts'

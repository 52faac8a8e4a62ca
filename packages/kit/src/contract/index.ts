export * from './schema.ts'
export * from './operation.ts'
export * from './contract.ts'

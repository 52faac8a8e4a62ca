export * from './catalogue.gen.ts'

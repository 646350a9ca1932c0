import { createRequire } from 'node:module'
import type { AjvCompiler, BuildCompilerFromPool } from '@fastify/ajv-compiler'
import type { FastifyServerOptions } from 'fastify'

type Compilers = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>
type Compile = ReturnType<BuildCompilerFromPool>
type Validate = ReturnType<Compile>

const require = createRequire(import.meta.url)

/**
 * A body's schema is compiled by the first request that it judges: ajv and its work would take 40 ms of every start. So a
 * schema that is none fails the requests of its route, and not the start. Answers are printed by no schema.
 */
export const schemaCompilers: Compilers = {
  buildValidator: ((schemas) => {
    const compile = once(() => loadAjv(schemas))
    return (route) => validateBy(once(() => compile()(route)))
  }) satisfies BuildCompilerFromPool,
  buildSerializer: () => () => {
    throw new TypeError('A route has a schema for its answers, which nothing here prints by')
  },
}

function loadAjv(schemas: Parameters<BuildCompilerFromPool>[0]): Compile {
  const ajv: typeof AjvCompiler = require('@fastify/ajv-compiler')
  return ajv()(schemas, {
    customOptions: {
      coerceTypes: false,
      removeAdditional: false,
      useDefaults: false,
      allErrors: false,
      // Schemas are our own and strict; to compile the schema that they follow takes 15 ms.
      meta: false,
      validateSchema: false,
    },
  })
}

/** Fastify reads the errors off the function that it called. */
function validateBy(compiled: () => Validate): Validate {
  const validate = ((body: unknown) => {
    const judge = compiled()
    const isValid = judge(body)
    validate.errors = judge.errors ?? null
    return isValid
  }) as Validate
  return validate
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

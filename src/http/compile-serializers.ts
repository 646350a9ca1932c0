import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'

type SerializerFactory = ReturnType<typeof SerializerSelector>
type Serializer = ReturnType<ReturnType<SerializerFactory>>

const compilerOf = SerializerSelector()
const compiled = new WeakMap<object, Serializer>()

/**
 * Fastify's own compiler of response schemas, but once for each schema object. Most responses are of a few schemas, such as
 * a vendor's error, and each dialect is registered twice: compiling them all takes longer than the rest of building a server.
 */
export const buildSerializer: SerializerFactory = (externalSchemas, options) => {
  const compile = compilerOf(externalSchemas, options)
  return (route) => {
    const schema = route.schema as object
    const serializer = compiled.get(schema) ?? compile(route)
    compiled.set(schema, serializer)
    return serializer
  }
}

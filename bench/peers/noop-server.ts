import fastify from 'fastify'

// The least that an HTTP server on Fastify does: the yardstick of requests per second.
const server = fastify({ logger: false })
server.get('/', async () => ({ ok: true }))
const http = await server.listen({ host: '127.0.0.1', port: 0 })
console.log(JSON.stringify({ http, msg: 'listening' }))

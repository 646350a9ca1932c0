#!/usr/bin/env node
import { reportFailure, systemFailure } from './failure.ts'
import { createProgram } from './program.ts'

const program = await createProgram(process.argv[2])

// Whoever reads our output may have seen enough (`entrepot key list | head -1`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exit(reportFailure(systemFailure('standard output', error), 'command'))
})

try {
  await program.parseAsync()
} catch (error) {
  process.exit(reportFailure(error, program.args[0] === 'serve' ? 'server' : 'command'))
}

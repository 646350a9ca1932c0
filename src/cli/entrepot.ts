#!/usr/bin/env node
import { Command } from 'commander'
import { addDoctorCommand } from './doctor.ts'
import { reportFailure } from './failure.ts'
import { addIdCommand } from './id.ts'
import { addKeyCommands } from './key.ts'
import { addMigrateCommand } from './migrate.ts'
import { addMigrateStorageCommand } from './migrate-storage.ts'
import { addOrgCommands } from './org.ts'
import { addProjectCommands } from './project.ts'
import { addServeCommand } from './serve.ts'
import { addStoreSettings } from './settings.ts'

const program = new Command('entrepot')
  .description('One self-hosted file store behind every AI Files API.')
  .exitOverride()

addServeCommand(program)
addKeyCommands(program)
addOrgCommands(program)
addProjectCommands(program)
addIdCommand(program)
addMigrateCommand(program)
addMigrateStorageCommand(program)
addDoctorCommand(program)
addStoreSettings(program, ['serve', 'id', 'migrate-storage'])

// Whoever reads our output may have seen enough (`entrepot key list | head -1`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

try {
  await program.parseAsync()
} catch (error) {
  process.exit(reportFailure(error, program.args[0] === 'serve' ? 'server' : 'command'))
}

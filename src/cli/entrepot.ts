#!/usr/bin/env node
import { Command } from 'commander'
import { commit, version } from '../app/version.ts'
import { reportFailure } from './failure.ts'
import { addIdCommand } from './id.ts'
import { addDoctorCommand } from './installation/doctor.ts'
import { addKeyCommands } from './installation/key.ts'
import { addMigrateCommand } from './installation/migrate.ts'
import { addMigrateStorageCommand } from './installation/migrate-storage.ts'
import { addOrgCommands } from './installation/org.ts'
import { addProjectCommands } from './installation/project.ts'
import { addServeCommand } from './serve.ts'
import { addStoreSettings } from './settings.ts'

const program = new Command('entrepot')
  .description('One self-hosted file store behind every AI Files API.')
  .version(told(), '-V, --version', 'print the version, and the commit if it is known')
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

function told(): string {
  const of = commit()
  return of === undefined ? version() : `${version()} (commit ${of})`
}

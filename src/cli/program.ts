import { Command } from 'commander'
import { commit, version } from '../app/version.ts'
import { addConfigCommands } from './config.ts'
import { addFileCommands } from './file/file.ts'
import { addIdCommand } from './id.ts'
import { addBackupCommand } from './installation/backup.ts'
import { addDoctorCommand } from './installation/doctor.ts'
import { addKeyCommands } from './installation/key.ts'
import { addMigrateCommand } from './installation/migrate.ts'
import { addMigrateStorageCommand } from './installation/migrate-storage.ts'
import { addOrgCommands } from './installation/org.ts'
import { addProjectCommands } from './installation/project.ts'
import { addRestoreCommand } from './installation/restore.ts'
import { addStatsCommand } from './installation/stats.ts'
import { addLoginCommands } from './remote/login.ts'
import { addServeCommand } from './serve.ts'
import { addStoreSettings } from './settings.ts'

/** All commands, as the shell has them. */
export function createProgram(): Command {
  const program = new Command('entrepot')
    .description('One self-hosted file store behind every AI Files API.')
    .version(told(), '-V, --version', 'print the version, and the commit if it is known')
    .exitOverride()

  addServeCommand(program)
  addKeyCommands(program)
  addOrgCommands(program)
  addProjectCommands(program)
  addFileCommands(program)
  addLoginCommands(program)
  addIdCommand(program)
  addMigrateCommand(program)
  addMigrateStorageCommand(program)
  addDoctorCommand(program)
  addStatsCommand(program)
  addConfigCommands(program)
  addBackupCommand(program)
  addRestoreCommand(program)
  addStoreSettings(program, ['serve', 'file', 'login', 'logout', 'config', 'id', 'migrate-storage'])
  return program
}

function told(): string {
  const of = commit()
  return of === undefined ? version() : `${version()} (commit ${of})`
}

import { Command } from 'commander'
import { commit, version } from '../app/version.ts'
import { examples } from './arguments.ts'
import { addCompletionCommand } from './completion/completion.ts'
import { addConfigCommands } from './config.ts'
import { addFileCommands } from './file/file.ts'
import { helpLayout } from './help-layout.ts'
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
    .configureHelp(helpLayout)
    .addHelpText(
      'after',
      examples([
        ['a server, which keeps everything in ./data', 'serve'],
        ['a file into it, with the key that the first start printed', 'file put report.pdf'],
        ['all about a command', 'file put --help'],
      ]),
    )

  program.commandsGroup('A server:')
  addServeCommand(program)
  addConfigCommands(program)
  program.commandsGroup('Its files, over HTTP:')
  addLoginCommands(program)
  addFileCommands(program)
  addIdCommand(program)
  program.commandsGroup('Who may come in, also while it runs:')
  addKeyCommands(program)
  addOrgCommands(program)
  addProjectCommands(program)
  program.commandsGroup('What it keeps, also while it runs:')
  addStatsCommand(program)
  addDoctorCommand(program)
  addBackupCommand(program)
  addRestoreCommand(program)
  addMigrateStorageCommand(program)
  addMigrateCommand(program)
  program.commandsGroup('Help:').helpCommand('help [command]', 'all about a command')
  addCompletionCommand(program)
  addStoreSettings(program, [
    'serve',
    'file',
    'login',
    'logout',
    'config',
    'completion',
    'id',
    'migrate-storage',
  ])
  return program
}

function told(): string {
  const of = commit()
  return of === undefined ? version() : `${version()} (commit ${of})`
}

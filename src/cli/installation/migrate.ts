import type { Command } from 'commander'
import { examples } from '../arguments.ts'
import { print } from '../output.ts'
import { addInit, withStores } from './stores.ts'

/** Opening migrates, so a start does it, too; the command lets an operator do it at a time of their own. */
export function addMigrateCommand(program: Command): void {
  addInit(program.command('migrate'))
    .description("bring the database's schema up to date, as every start does")
    .addHelpText(
      'after',
      examples([
        ['before servers of a new release start', 'migrate'],
        ['a new installation in a folder', 'migrate --init --data-dir /srv/entrepot'],
      ]),
    )
    .action((_options: object, self: Command) =>
      withStores(self, async ({ metadata, newPlace }) => {
        await metadata.check()
        if (newPlace !== undefined) print(`A new installation was made: ${newPlace}.`)
        print('The schema is current.')
      }),
    )
}

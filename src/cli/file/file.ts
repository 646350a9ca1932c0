import { type Command, InvalidArgumentError, Option } from 'commander'
import { examples } from '../arguments.ts'
import { parseLifetime } from '../lifetime.ts'
import { addConnectionOptions } from '../remote/connection.ts'
import { appendLabel } from './put-options.ts'

const ID = '0198c3f5-2b7a-7c31-9d52-6a1f0c8e4b7d'

/** Commands for the files of a server, which they know by its address and a key. What a command needs is loaded when it runs. */
export function addFileCommands(program: Command): void {
  const file = program.command('file').description('files of a server, over HTTP')
  addPut(file)
  addList(file)
  addGet(file)
  addStat(file)
  addRemove(file)
  addCopy(file)
  addLink(file)
  for (const command of file.commands) addConnectionOptions(command)
}

function addPut(file: Command): void {
  file
    .command('put')
    .description('upload files, and print their ids; after a crash or Ctrl-C the same command goes on')
    .argument('<path...>', 'files, or - for the standard input')
    .option('-r, --recursive', 'also the files in folders')
    .option('--project <project>', 'name or id of the project (default: the first of the key)')
    .option('--name <name>', 'what the file is called, of one file (default: its name here)')
    .option('--purpose <purpose>', 'purpose, as the APIs show it')
    .option('--label <key=value>', 'a label; repeatable', appendLabel)
    .option(
      '--expires <when>',
      'delete it after 30d, 12h or 45m, or at a time like 2030-01-31T12:00:00Z',
      parseLifetime,
    )
    .option('--json', 'the file as JSON')
    .addHelpText(
      'after',
      examples([
        ['one file, with its id kept for later', 'file put report.pdf'],
        ['several, for thirty days', 'file put a.csv b.csv --expires 30d --label team=sales'],
        ['all in a folder', 'file put -r docs --project archive'],
        ['what another program prints (pg_dump shop | …)', 'file put - --name shop.sql'],
      ]),
    )
    .action(async (paths, options) => (await import('./put.ts')).put(paths, options))
}

function addList(file: Command): void {
  file
    .command('ls')
    .description('list files, the newest first')
    .option('--project <project>', 'name or id of the project, or * for all (default: the first of the key)')
    .option('--name <part>', 'only those with this in their name, in any case')
    .option('--type <type>', 'only those of a type, like text/csv, or of a kind, like image/*')
    .option('--dialect <api>', 'only those that came through this API, like tus or admin')
    .addOption(
      new Option('--sort <field>', 'by this').choices(['created', 'name', 'size']).default('created'),
    )
    .addOption(new Option('--order <order>', 'default: names up, all else down').choices(['asc', 'desc']))
    .option('--limit <number>', 'at most so many (default: all)', parseCount)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples([
        ['the ten newest', 'file ls --limit 10'],
        ['the largest pictures of all projects', "file ls --project '*' --type 'image/*' --sort size"],
        ['all PDFs of a project, for a program', 'file ls --project archive --name .pdf --json'],
      ]),
    )
    .action(async (options) => (await import('./ls.ts')).list(options))
}

function addGet(file: Command): void {
  file
    .command('get')
    .description('download a file, whole and with the right digest or not at all')
    .argument('<id>', 'in any form')
    .option(
      '-o, --output <path>',
      'where to, or - for the standard output (default: its name, in this folder)',
    )
    .option('--force', 'replace what is there; let a terminal have what may be binary')
    .addHelpText(
      'after',
      `
A file has its name once it is whole. A download that was killed, so that it
could not clean up, leaves a hidden file there, .entrepot-….part: nothing goes
on from it, and you may remove it.
${examples([
  ['under its own name', `file get ${ID}`],
  ['under another', `file get ${ID} -o report.pdf`],
  ['into another program (… | gunzip)', `file get ${ID} -o -`],
])}`,
    )
    .action(async (id, options) => (await import('./get.ts')).get(id, options))
}

function addStat(file: Command): void {
  file
    .command('stat')
    .description('tell all about a file')
    .argument('<id>', 'in any form')
    .option('--json', 'as JSON')
    .addHelpText('after', examples([['its digest, type and dates', `file stat ${ID}`]]))
    .action(async (id, options) => (await import('./stat.ts')).stat(id, options))
}

function addRemove(file: Command): void {
  file
    .command('rm')
    .description('delete files; exits with 1 if one could not be')
    .argument('<id...>', 'in any form')
    .addHelpText('after', examples([['one; several at once work as well', `file rm ${ID}`]]))
    .action(async (ids, options) => (await import('./rm.ts')).remove(ids, options))
}

function addCopy(file: Command): void {
  file
    .command('cp')
    .description('copy a file to another project, on the server, and print the id of the copy')
    .argument('<id>', 'in any form')
    .requiredOption('--project <project>', 'name or id of the project')
    .option('--name <name>', 'what the copy is called (default: the same)')
    .option('--json', 'the copy as JSON')
    .addHelpText('after', examples([['into the project archive', `file cp ${ID} --project archive`]]))
    .action(async (id, options) => (await import('./cp.ts')).copy(id, options))
}

function addLink(file: Command): void {
  file
    .command('link')
    .description('make a link that downloads a file without a key, and print it')
    .argument('<id>', 'of the file, in any form')
    .option('--expires <when>', 'how long it is good, from 1m to 7d (default: 1h)', parseLifetime)
    .addOption(new Option('--list', 'list the links that are good instead').conflicts('end'))
    .option('--end <link>', 'end this one instead, by its id')
    .option('--json', 'the link as JSON')
    .addHelpText(
      'after',
      examples([
        ['for a day', `file link ${ID} --expires 1d`],
        ['which there are', `file link ${ID} --list`],
      ]),
    )
    .action(async (id, options) => (await import('./link.ts')).link(id, options))
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is not a whole number above 0.')
}

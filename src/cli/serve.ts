import type { Command } from 'commander'
import { examples } from './arguments.ts'
import { describe, Failure } from './failure.ts'
import { nextCommand } from './next-command.ts'
import { addSettings, allSettings, configOf, namedAsGiven, settingsInForceOf } from './settings.ts'
import { trustHint, welcome, whereItIs } from './welcome.ts'

export function addServeCommand(program: Command): void {
  const command = program
    .command('serve')
    .description('serve until SIGTERM or SIGINT; each flag stands for a variable, and wins over it')
    .option(
      '--accept-clock',
      'trust the clock of this machine again, which removes what has ended (SQLite only)',
    )
    .addHelpText(
      'after',
      examples([
        ['on this machine alone', 'serve'],
        ['for others, by their name of it', 'serve --host 0.0.0.0 --public-url https://files.example.com'],
        ['on other ports, in a folder of its own', 'serve --port 0 --grpc-port off --data-dir /tmp/try'],
      ]),
    )
    .action(start)
  addSettings(command, allSettings)
}

async function start(
  { acceptClock = false }: { readonly acceptClock?: boolean },
  command: Command,
): Promise<void> {
  const config = configOf(command)
  // Loaded only now: a wrong setting is told without waiting for the whole server.
  const [{ serve }, { rowsPlace }, { bytesPlaceInWords }] = await Promise.all([
    import('../main.ts'),
    import('../app/installation.ts'),
    import('../app/bytes-place.ts'),
  ])
  const places =
    config.databaseUrl === undefined && config.s3 === undefined
      ? [config.dataDir]
      : [rowsPlace(config), bytesPlaceInWords(config)]
  const { console: hasConsole } = config
  const moreKeys = nextCommand(command, 'key', 'create', '--name', 'laptop')
  await serve(config, {
    acceptClock,
    settings: settingsInForceOf(command),
    onStarted: (app, { isRead, print }) => {
      const { firstKey, services, caPath } = app
      const { publicUrl: url } = services.addresses
      if (isRead) print(whereItIs(app, { places, hasConsole }))
      if (caPath !== undefined) print(trustHint(caPath))
      // A key is made by the first start only, and can never be shown again.
      if (firstKey !== undefined) print(welcome({ url, key: firstKey, moreKeys, hasConsole }))
      else if (isRead) print('\n')
    },
  }).catch((error) => {
    throw new Failure(namedAsGiven(command, describe(error, 'server')), { cause: error })
  })
}

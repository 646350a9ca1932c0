import type { Logger } from 'pino'
import { type App, startApp } from './app/app.ts'
import type { AppConfig } from './app/settings.ts'
import type { SettingInForce } from './app/settings-in-force.ts'
import { type OpenLog, openLog } from './ops/logging.ts'
import { watchNpm } from './ops/npm-parent.ts'
import { keepTickShape } from './ops/tick-shape.ts'

/** A store that does not answer may keep a stop from ending; what was acknowledged does not need it. */
const STOP_DEADLINE_MS = 29_000

/** Ctrl-C reaches a server that npm started twice: from the terminal, and from npm, which forwards it. */
const ONE_KEY_PRESS_MS = 500

export interface ServeOptions {
  /**
   * Runs once, after the line `listening`, whenever the signal came: what it prints may be nowhere else. That line is left out
   * where the log is text on a terminal.
   */
  readonly onStarted: (app: App, log: Pick<OpenLog, 'isRead' | 'print'>) => void
  /** The operator vouches for the clock of this machine. */
  readonly acceptClock: boolean
  readonly settings: readonly SettingInForce[]
}

/**
 * Serves until SIGTERM or SIGINT, or until the npm that started it is gone; then stops gracefully, after a second signal
 * without draining, and exits with 0; a fault that cannot be survived exits with 1.
 * @throws Error in one sentence if it cannot start
 */
export async function serve(
  config: AppConfig,
  { onStarted, acceptClock, settings }: ServeOptions,
): Promise<void> {
  keepTickShape()
  const log = openLog({ level: config.logLevel, format: config.logFormat })
  const { logger } = log
  // After an unexpected fault nothing in memory can be trusted; what was acknowledged is on disk.
  const onFatal = (error: unknown) => {
    logger.fatal({ err: error }, 'fatal; the process ends')
    logger.flush(() => process.exit(1))
  }
  process.on('uncaughtException', onFatal)
  process.on('unhandledRejection', onFatal)
  const started = startApp(config, { logger, onFatal, acceptClock, settings }).then((app) => {
    const { listeningUrl: http, grpcAddress: grpc = null, metricsUrl: metrics = null } = app
    if (!log.isRead) logger.info({ http, grpc, metrics }, 'listening')
    onStarted(app, log)
    app.tellSettings()
    return app
  })
  // A start answers before it is over: from then on a signal has to find somebody who stops it.
  stopOnSignal(started, logger, config.drainSeconds)
  // Closing the terminal should end a server with a certificate of its own making, as it always did.
  if (config.tls?.kind === 'files') process.on('SIGHUP', () => renew(started, logger))
  await started
}

function stopOnSignal(started: Promise<App>, logger: Logger, drainSeconds: number): void {
  let isStopping = false
  // A start that is not over has its draining before it.
  let hasDrained = () => drainSeconds === 0
  const haste = new AbortController()
  const stop = async (signal?: string) => {
    if (isStopping) {
      const effect = hasDrained() ? 'the stop goes on' : 'the stop does not drain any longer'
      if (!haste.signal.aborted) logger.info({ signal }, `second signal; ${effect}`)
      return haste.abort()
    }
    isStopping = true
    endWatch()
    logger.info({ signal, drainSeconds }, 'stopping')
    setTimeout(() => {
      logger.warn('not everything could be ended in time')
      logger.flush(() => process.exit(0))
    }, STOP_DEADLINE_MS).unref()
    const app = await started.catch(() => undefined)
    // Whoever asked for the start is told why it failed.
    if (app === undefined) return
    hasDrained = app.hasDrained
    let exitCode = 0
    await app.stop(haste.signal).catch((error) => {
      logger.error({ err: error }, 'not everything was closed')
      exitCode = 1
    })
    logger.info('stopped')
    logger.flush(() => process.exit(exitCode))
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', oncePerKeyPress(stop))
  const endWatch = watchNpm(process.env, () => {
    logger.info('npm, which started this server, is gone')
    void stop()
  })
}

function oncePerKeyPress(onSignal: (signal: NodeJS.Signals) => void): NodeJS.SignalsListener {
  let lastAt = Number.NEGATIVE_INFINITY
  return (signal) => {
    const now = performance.now()
    const isRepeat = now - lastAt < ONE_KEY_PRESS_MS
    lastAt = now
    if (!isRepeat) onSignal(signal)
  }
}

async function renew(started: Promise<App>, logger: Logger): Promise<void> {
  try {
    await (await started).renewTls()
    logger.info('certificate read again')
  } catch (error) {
    logger.error({ err: error }, 'certificate not renewed; the old one stays')
  }
}

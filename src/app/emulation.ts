import type { Config } from '../config/config.ts'
import { type Clock, systemClock } from '../core/ports/clock.ts'
import type { MetadataStore } from '../core/ports/metadata-store.ts'

/**
 * An installation is an emulator's for ever, or never: what a test moves, breaks and removes is no data that counts. A new one
 * becomes what the settings say.
 * @throws Error in one sentence if it is the other kind
 */
export async function requireKind(
  { emulator }: Pick<Config, 'emulator'>,
  metadata: MetadataStore,
  makes: boolean,
): Promise<void> {
  const isEmulators = (await metadata.emulatedTime()) !== undefined
  const becomes = !isEmulators && emulator !== 'off' && makes
  // Nothing was ever made in it: a first start makes an organization before anything else.
  if (becomes && (await metadata.listOrganizations()).length === 0)
    return metadata.commit([{ kind: 'emulator.note', time: { offsetMs: 0, frozenAt: null } }])
  requireSameKind({ emulator }, isEmulators)
}

/** The same of an installation that is there. @throws Error in one sentence if it is the other kind */
export function requireSameKind({ emulator }: Pick<Config, 'emulator'>, isEmulators: boolean): void {
  if (isEmulators === (emulator !== 'off')) return
  if (isEmulators)
    throw new Error(
      'This installation is an emulator’s, whose data are for tests; set ENTREPOT_EMULATOR=on, or name another data folder.',
    )
  throw new Error(
    'This installation was made without ENTREPOT_EMULATOR, and an emulator could remove all of it; name another data folder for the emulator, or unset ENTREPOT_EMULATOR.',
  )
}

/** Data for tests go nowhere else, where they could pass for data that count. @throws Error in one sentence */
export async function refuseEmulators(metadata: MetadataStore, verb: 'moved' | 'backed up'): Promise<void> {
  if ((await metadata.emulatedTime()) === undefined) return
  throw new Error(`An emulator’s installation, whose data are for tests, is not ${verb}.`)
}

/** All who use one installation go by one clock. */
export async function clockOf(metadata: MetadataStore): Promise<Clock> {
  const time = await metadata.emulatedTime()
  if (time === undefined) return (await metadata.sharedClock?.()) ?? systemClock
  const { VirtualClock } = await import('../emulator/virtual-clock.ts')
  return new VirtualClock(systemClock, time)
}

import { writeSync } from 'node:fs'
import { sampleFile, sampleOrganization } from '../conformance/samples.ts'
import { openPostgresMetadataStore } from '../postgres/postgres.ts'
import { lockDataFolder } from './data-folder-lock.ts'
import { openSqliteMetadataStore } from './sqlite.ts'

/** What a second process does in a test: `node child.ts <role> <data folder or database URL>`. Lines on stdout tell how far it is. */
const [role = '', place = ''] = process.argv.slice(2)

// Straight to the descriptor: a line that was said must not be lost when the process is killed.
function say(line: string): void {
  try {
    writeSync(1, `${line}\n`)
  } catch (error) {
    // A pipe that its reader has not emptied yet, which takes a line whole or not at all.
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    say(line)
  }
}

function open() {
  if (place.startsWith('postgres:')) return openPostgresMetadataStore(place)
  return openSqliteMetadataStore({
    dataDir: place,
    onFatal: (error) => {
      say(`fatal ${error.message}`)
      process.exitCode = 3
    },
  })
}

const roles: Readonly<Record<string, () => Promise<void>>> = {
  /** Holds the folder's lock until it is killed. */
  async lock() {
    const lock = lockDataFolder(place)
    say('locked')
    // A lock that nothing refers to is closed by the garbage collector.
    setInterval(() => lock, 1000)
  },

  /** Says whether it gets the folder's lock. */
  async 'try-lock'() {
    try {
      lockDataFolder(place)
      say('locked')
    } catch {
      say('refused')
    }
  },

  /** Adds one organization, says its id, closes. */
  async add() {
    const store = await open()
    const organization = sampleOrganization()
    await store.commit([{ kind: 'organization.insert', organization }])
    say(organization.id)
    await store.close()
  },

  /** Opens, says the store id, and ends without closing. */
  async look() {
    say(await (await open()).storeId())
  },

  /** Inserts files without end, sixteen at a time, and says the id of each that was acknowledged. */
  async insert() {
    const store = await open()
    const insertForever = async () => {
      for (;;) {
        const file = sampleFile()
        await store.commit([{ kind: 'file.insert', file }])
        say(file.id)
      }
    }
    const first = await Promise.race(
      Array.from({ length: 16 }, () => insertForever().catch((error) => error)),
    )
    say(`failed ${first.code}`)
    await store
      .commit([{ kind: 'file.insert', file: sampleFile() }])
      .catch((error) => say(`then ${error.code}`))
    await store.check().catch((error) => say(`check ${error.code}`))
    await store.close()
  },
}

await roles[role]?.()

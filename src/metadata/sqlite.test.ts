import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeMetadataStore } from './metadata-store.conformance.ts'
import { openSqliteMetadataStore } from './sqlite.ts'

describeMetadataStore('SQLite', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'entrepot-sqlite-'))
  const open = () =>
    openSqliteMetadataStore({
      dataDir,
      onFatal: (error) => {
        throw error
      },
    })
  const store = await open()
  let last = store
  return {
    store,
    reopen: async () => {
      await last.close()
      last = await open()
      return last
    },
    cleanup: async () => {
      await last.close()
      rmSync(dataDir, { recursive: true })
    },
  }
})

import { newDatabase } from '../../../test/postgres.ts'
import { isLong } from '../../../test/rounds.ts'
import { describeMetadataStore } from '../conformance/metadata-store.ts'
import { openPostgresMetadataStore } from './postgres.ts'

async function openStore() {
  const url = await newDatabase()
  const open = () => openPostgresMetadataStore(url)
  let store = await open()
  return {
    store,
    reopen: async () => {
      await store.close()
      store = await open()
      return store
    },
    cleanup: () => store.close(),
  }
}

describeMetadataStore('PostgreSQL', openStore, isLong)

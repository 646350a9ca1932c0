import { describeBlobStore } from '../blob-store.conformance.ts'
import { MemoryBlobStore } from './memory-blob-store.harness.ts'

describeBlobStore('the memory store', async () => new MemoryBlobStore())

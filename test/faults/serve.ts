import { loadConfig } from '../../src/config.ts'
import { serve } from '../../src/main.ts'

// The server as it is in production, for a child process that may be killed at any moment.
await serve(loadConfig(process.env), () => undefined)

/** Prints which documented rules hold, by which test, and writes them to docs/conformance.md: `npm run conformance`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allConformances } from '../test/conformance/all.ts'
import { conformancePage } from '../test/conformance/page.ts'

const page = conformancePage(allConformances)
writeFileSync(join(import.meta.dirname, '../docs/conformance.md'), page)
console.log(page)

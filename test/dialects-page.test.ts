import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { allDialects, fileIdForms } from '../src/dialects/all.ts'

const page = readFileSync(new URL('../docs/dialects.md', import.meta.url), 'utf8')
const ID = '0190e0c4-57a1-7c3e-9a6b-1f2e3d4c5b6a'

/** The first cells of the rows of each table that goes by dialect, under its headline. */
function tablesOf(text: string): readonly (readonly [headline: string, dialects: string])[] {
  return text.split(/^## /m).flatMap((section) => {
    const [headline = ''] = section.split('\n', 1)
    const tables = section.split('\n\n').filter((block) => block.startsWith('| Dialect |'))
    return tables.map((table) => [headline, table.replaceAll(/^\| ([^|]*)\|.*$/gm, '$1')] as const)
  })
}

test('each table of docs/dialects.md has every dialect', () => {
  const tables = tablesOf(page)
  assert.ok(tables.length > 5)
  for (const [headline, dialects] of tables)
    for (const { title } of allDialects) assert.ok(dialects.includes(title), `${headline}: ${title}`)
})

test('docs/dialects.md shows an id as each dialect prints it', () => {
  for (const [name, form] of fileIdForms) assert.ok(page.includes(`\`${form.print(ID)}\``), name)
})

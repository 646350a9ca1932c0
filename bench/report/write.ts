import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toPage } from './page.ts'
import type { Report } from './results.ts'

const FOLDER = join(import.meta.dirname, '..', 'results')

/** Writes the numbers as JSON and as a page. @returns the path of both but for the extension */
export async function writeReport(report: Report, suffix = ''): Promise<string> {
  await mkdir(FOLDER, { recursive: true })
  const path = join(FOLDER, report.date + suffix)
  await writeFile(`${path}.json`, `${JSON.stringify(report, rounded, 1)}\n`)
  await writeFile(`${path}.html`, toPage(report))
  return path
}

/** Five digits are more than is known. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value
}

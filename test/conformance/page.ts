import { posix } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { allDialects } from '../../src/dialects/all.ts'
import type { Client, Conformance, NamedTest, Rule } from './rule.ts'

const STATUSES = ['holds', 'INFERRED', 'deviates', 'out of scope'] as const
const developmentVersions: Readonly<Record<string, string>> = manifest.devDependencies

/** `docs/conformance.md`: what is documented of each vendor's API, and what shows that it holds here. */
export function conformancePage(all: readonly Conformance[]): string {
  return `# Conformance

What each vendor documents of its Files API, rule by rule, and the test that shows what this server does. \`npm run conformance\` writes this page; \`npm test\` fails if a rule names no test that exists, or if the page is not what the command writes.

- **holds**: documented, or seen in what the vendor's SDK sends and needs, and so it is here.
- **INFERRED**: no public source says it. We chose, and name the setting that changes it, if there is one.
- **deviates**: documented, and different here on purpose. The reason is named, and the setting that brings the vendor's rule back.
- **out of scope**: documented, and not served here.

An ellipsis in the name of a test stands for what differs between its cases, such as the rows of a table. Tests of an SDK run for each of its versions that the dialect’s clients list.

${table(['Dialect', ...STATUSES], all.map(summaryRow))}

${all.map(chapter).join('\n\n')}
`
}

function summaryRow(conformance: Conformance): readonly string[] {
  const rules = conformance.sections.flatMap((section) => section.rules)
  const counts = STATUSES.map((status) => String(rules.filter((rule) => rule.status === status).length))
  const title = titleOf(conformance)
  return [`[${title}](#${title.toLowerCase().replaceAll(' ', '-')})`, ...counts]
}

function chapter(conformance: Conformance): string {
  const sources = Object.entries(conformance.sources).map(([tag, source]) => [tag, source])
  return `## ${titleOf(conformance)}

Decisions and settings: [README of the dialect](../src/dialects/${conformance.dialect}/README.md).

${table(['Client', 'Version', 'How it is tested'], conformance.clients.map(clientRow))}

${table(['Source', 'What it is'], sources)}

${conformance.sections.map(({ title, rules }) => `### ${titleOf(conformance)}: ${title}\n\n${table(['Rule', 'Status', 'Shown by'], rules.map(ruleRow))}`).join('\n\n')}`
}

function titleOf({ dialect }: Conformance): string {
  return allDialects.find(({ name }) => name === dialect)?.title ?? dialect
}

function clientRow(client: Client): readonly string[] {
  if ('npm' in client)
    return [`\`${packageOf(client.npm)}\``, versionOf(client.npm), `runs in ${link(client.file)}`]
  const how = 'file' in client ? `recorded, and replayed from ${link(client.file)}` : 'run by hand'
  return [client.name, client.version, how]
}

/** What an alias stands for. */
function packageOf(npm: string): string {
  return /^npm:(.+)@/.exec(developmentVersions[npm] ?? '')?.[1] ?? npm
}

/** @throws Error if it is no devDependency */
export function versionOf(npm: string): string {
  const version = developmentVersions[npm]
  if (version === undefined) throw new Error(`${npm} is no devDependency of package.json`)
  return version.slice(version.lastIndexOf('@') + 1)
}

function ruleRow(rule: Rule): readonly string[] {
  return [
    rule.rule + ('source' in rule ? ` (${rule.source})` : ''),
    [
      `**${rule.status}**`,
      'reason' in rule ? `: ${rule.reason}` : '',
      'setting' in rule ? `; \`${rule.setting}\`` : '',
    ].join(''),
    'test' in rule ? shown(rule.test) : '–',
  ]
}

function shown({ file, name }: NamedTest): string {
  return `“${name}”, ${link(file)}`
}

function link(file: string): string {
  return `[${posix.basename(file)}](../${file})`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
}

import { type Command, InvalidArgumentError } from 'commander'
import type { FileId } from '../core/file-id.ts'
import { fileIdForms, parseFileId } from '../dialects/all.ts'
import { examples } from './arguments.ts'
import { printJson, printTable } from './output.ts'

export function addIdCommand(program: Command): void {
  program
    .command('id')
    .description("print a file's id in the form of every dialect")
    .argument('<id>', 'in any form', parseId)
    .option('--json', 'as JSON')
    .addHelpText('after', examples([['from the id that an SDK printed', 'id fil_03eifknc6a43ecbxjmunk6gzh']]))
    .action((id: FileId, { json }: { readonly json?: true }) => {
      const forms = [...fileIdForms].map(([name, form]) => [name, form.print(id)] as const)
      if (json) printJson(Object.fromEntries(forms))
      else printTable(forms)
    })
}

function parseId(text: string): FileId {
  const id = parseFileId(text.trim())
  if (id === undefined) throw new InvalidArgumentError("It is not a file's id in any form.")
  return id
}

import { Argument, type Command } from 'commander'
import { examples } from '../arguments.ts'
import { bashScript } from './bash.ts'
import { fishScript } from './fish.ts'
import { placesOf } from './words.ts'
import { zshScript } from './zsh.ts'

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript }
type Shell = keyof typeof scripts

/** The scripts know all words, so completing starts no process. */
export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a script by which a shell completes commands and options')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(scripts)))
    .addHelpText(
      'after',
      examples([
        ['~/.bashrc: source <(entrepot completion bash)', 'completion bash'],
        ['~/.zshrc, after compinit: source <(entrepot completion zsh)', 'completion zsh'],
        ['~/.config/fish/config.fish: entrepot completion fish | source', 'completion fish'],
      ]),
    )
    .action((shell: Shell) => void process.stdout.write(completionScript(shell, program)))
}

export function completionScript(shell: Shell, program: Command): string {
  return scripts[shell](placesOf(program))
}

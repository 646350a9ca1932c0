import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from 'commander'
import { createProgram } from './program.ts'

function leavesOf(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf)
}

/** Like `file ls`. */
function wordsOf(command: Command): string {
  const { parent } = command
  return parent?.parent ? `${wordsOf(parent)} ${command.name()}` : command.name()
}

function helpOf(command: Command): string {
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text), getOutHelpWidth: () => 80 }).outputHelp()
  return help
}

test('the help of every command ends with examples of it that can be parsed', async () => {
  for (const command of leavesOf(await createProgram())) {
    const [, shown = ''] = helpOf(command).split('\nExamples:\n')
    const lines = shown.split('\n').filter((line) => line.startsWith('  entrepot '))
    const words = wordsOf(command)
    assert.ok(lines.length > 0, `${words} has no examples`)
    for (const line of lines) {
      assert.ok(`${line} `.startsWith(`  entrepot ${words} `), `${line} is no example of ${words}`)
      await parse(line)
    }
  }
})

/** Parses a line, and does nothing. @throws CommanderError */
async function parse(line: string): Promise<void> {
  const program = await createProgram()
  for (const command of leavesOf(program)) command.exitOverride().action(() => undefined)
  await program.parseAsync(line.trim().split(' ').slice(1), { from: 'user' })
}

test('the help of every command fits into 80 columns', async () => {
  const every = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(every)]
  for (const command of every(await createProgram()))
    for (const line of helpOf(command).split('\n')) {
      // Names of variables are not broken.
      const isOneWord = /^ +\S+$/.test(line)
      assert.ok(isOneWord || line.length <= 80, `${wordsOf(command)}: ${line}`)
    }
})

test('a command is the same whether all are loaded or it alone', async () => {
  const program = await createProgram()
  for (const command of program.commands.filter((command) => command.name() !== 'help')) {
    const alone = await createProgram(command.name())
    const same = alone.commands.find((each) => each.name() === command.name())
    assert.ok(same, `${command.name()} is missing`)
    assert.ok(alone.commands.length < 3, `${command.name()} loads others`)
    assert.deepEqual(leavesOf(same).map(helpOf), leavesOf(command).map(helpOf))
  }
})

test('a word that is none gets the one that may have been meant', async () => {
  const suggestions = { serv: 'serve', 'stats --jsno': '--json', 'file gte': 'get' }
  for (const [words, meant] of Object.entries(suggestions)) {
    let told = ''
    const program = await createProgram()
    for (const command of [program, ...leavesOf(program), ...program.commands])
      command.exitOverride().configureOutput({ writeErr: (text) => (told += text) })
    await assert.rejects(program.parseAsync(words.split(' '), { from: 'user' }), { name: 'CommanderError' })
    assert.match(told, new RegExp(`\\(Did you mean ${meant}\\?\\)`))
  }
})

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { createProgram } from '../program.ts'
import { completionScript } from './completion.ts'

const program = await createProgram()

/** Whether a shell is there, or why its test is skipped. */
function needs(shell: string): { readonly skip: string | false } {
  return { skip: spawnSync(shell, ['-c', 'true']).status === 0 ? false : `there is no ${shell}` }
}

/** What bash offers behind the last of the words. */
function bash(...words: readonly string[]): readonly string[] {
  const script = `${completionScript('bash', program)}
COMP_WORDS=(entrepot "$@"); COMP_CWORD=$#; _entrepot; printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' })
    .trim()
    .split('\n')
}

test('bash completes commands, options and their values, and leaves files to itself', needs('bash'), () => {
  assert.deepEqual(bash('mig').toSorted(), ['migrate', 'migrate-storage'])
  assert.deepEqual(bash('file', 'p'), ['put'])
  assert.deepEqual(bash('file', 'put', 'a.txt', '--la'), ['--label'])
  assert.deepEqual(bash('key', 'create', '--fidelity', ''), ['open', 'strict'])
  assert.deepEqual(bash('file', 'put', '--name', 'put'), [''])
  assert.deepEqual(bash('file', 'put', 'rep'), [''])
})

function fish(line: string): readonly string[] {
  const script = `${completionScript('fish', program)}\ncomplete -C ${JSON.stringify(line)}`
  return execFileSync('fish', ['-N', '-c', script], { encoding: 'utf8' }).trim().split('\n')
}

test('fish completes commands and options, and tells what they do', needs('fish'), () => {
  assert.deepEqual(fish('entrepot file st'), ['stat\ttell all about a file'])
  assert.deepEqual(fish('entrepot file put --lab'), ['--label\ta label; repeatable'])
  assert.deepEqual(fish('entrepot key create --fidelity s'), [
    "strict\twhich refusals of a vendor hold for it (default: the servers')",
  ])
})

test('zsh can read its script', needs('zsh'), () => {
  const { status, stderr } = spawnSync('zsh', ['-n'], {
    input: completionScript('zsh', program),
    encoding: 'utf8',
  })
  assert.deepEqual([status, stderr], [0, ''])
})

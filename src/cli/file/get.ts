import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { lstat, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { Failure, systemFailure } from '../failure.ts'
import { interruptible } from '../interrupt.ts'
import { print, visible } from '../output.ts'
import { ProgressBar, type Terminal } from '../progress-bar.ts'
import { Api, type RemoteFile } from '../remote/api.ts'
import { type ConnectionOptions, connectionOf } from '../remote/connection.ts'
import { contentOf } from './content.ts'

interface GetOptions extends ConnectionOptions {
  readonly output?: string
  readonly force?: true
}

const STDOUT = '-'
const NO_TERMINAL: Terminal = { isTTY: false, write: () => undefined }
/** All control characters but tab, line ends and form feed: what could drive a terminal, and what text does not have. */
const UNPRINTABLE = /[\u0000-\u0008\u000b\u000e-\u001f\u007f]/

export async function get(id: string, options: GetOptions): Promise<void> {
  const api = new Api(connectionOf(options))
  await interruptible(
    async (signal) => {
      const file = await api.getFile(id)
      const target = options.output === STDOUT ? STDOUT : await targetOf(file, options)
      using progress = newProgressBar(file, target)
      const bytes = content(api, file, progress, signal)
      if (target === STDOUT) await printBytes(bytes, options.force ?? false)
      else if (await isSpecial(target)) await write(bytes, target)
      else await replace(bytes, target, options.force ?? false)
      // Whoever chose no name learns it.
      if (target !== (options.output ?? '')) progress.aside(() => print(target))
    },
    () => 'Interrupted. Nothing was kept.',
  )
}

/** None where the bytes themselves go to the terminal: they would come between. */
function newProgressBar({ name, sizeBytes }: RemoteFile, target: string): ProgressBar {
  const isPrinted = target === STDOUT && process.stdout.isTTY
  return new ProgressBar(sizeBytes, { label: name, ...(isPrinted ? { terminal: NO_TERMINAL } : {}) })
}

/** The bytes of the file. @throws Failure at their end if they are not the right ones */
async function* content(
  api: Api,
  file: RemoteFile,
  progress: ProgressBar,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  for await (const bytes of contentOf(api, file, signal, () => progress.note('waiting for the server'))) {
    hash.update(bytes)
    yield bytes
    progress.add(bytes.byteLength)
  }
  if (file.sha256 !== null && hash.digest('hex') !== file.sha256)
    throw new Failure(
      'What came is not what the server has by its SHA-256; try again, and see entrepot doctor --verify.',
    )
}

/** @throws Failure if something is there, or the name is none for a file here */
async function targetOf(file: RemoteFile, { output, force }: GetOptions): Promise<string> {
  const path = output ?? '.'
  const there = await stat(path).catch(() => undefined)
  const target = there?.isDirectory() ? join(path, ownName(file)) : path
  if (!force && (await exists(target)) && !(await isSpecial(target)))
    throw new Failure(`${target} is there already: --force replaces it, -o names another place.`)
  return target
}

/** The last part of the name, which others chose: it must not lead elsewhere, nor be hidden. */
function ownName({ name }: RemoteFile): string {
  const last = name.split(/[/\\]/).at(-1) ?? ''
  if (last !== '' && !last.startsWith('.') && last === visible(last)) return last
  throw new Failure(`"${visible(name)}" is no good name for a file here: give one by -o.`)
}

/** A link that leads nowhere is something, too. */
async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined
}

/** A device or a pipe takes the bytes, and is not replaced by them. */
async function isSpecial(path: string): Promise<boolean> {
  const there = await stat(path).catch(() => undefined)
  return there !== undefined && !there.isFile() && !there.isDirectory()
}

/** The file has its name only once it is whole. */
async function replace(bytes: AsyncIterable<Uint8Array>, target: string, force: boolean): Promise<void> {
  // A link goes on to lead to the file.
  const real = await realpath(target).catch(() => target)
  const part = join(dirname(real), `.entrepot-${randomUUID()}.part`)
  try {
    await write(bytes, part, { flags: 'wx', shownAs: target })
    if (!force && (await exists(real)))
      throw new Failure(`${target} has come meanwhile: --force replaces it.`)
    await rename(part, real).catch((error) => {
      throw systemFailure(target, error)
    })
  } finally {
    // What it says, if it cannot be removed, would hide why.
    await rm(part, { force: true }).catch(() => undefined)
  }
}

async function write(
  bytes: AsyncIterable<Uint8Array>,
  path: string,
  { flags = 'w', shownAs = path } = {},
): Promise<void> {
  const output = createWriteStream(path, { flags })
  try {
    await once(output, 'open')
    for await (const chunk of bytes) await pushTo(output, chunk)
    output.end()
    await finished(output)
  } catch (error) {
    throw systemFailure(shownAs, error)
  } finally {
    output.destroy()
  }
}

async function printBytes(bytes: AsyncIterable<Uint8Array>, force: boolean): Promise<void> {
  const isGuarded = process.stdout.isTTY && !force
  for await (const chunk of bytes) {
    if (isGuarded && UNPRINTABLE.test(Buffer.from(chunk).toString('latin1')))
      throw new Failure(
        'This is not plain text, and may upset the terminal: -o names a file, --force prints it.',
      )
    try {
      await pushTo(process.stdout, chunk)
    } catch (error) {
      // Whoever reads has seen enough.
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') return
      throw error
    }
  }
}

async function pushTo(output: Writable, chunk: Uint8Array): Promise<void> {
  if (!output.write(chunk)) await once(output, 'drain')
}

import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { type Instruction, pairsOf, stagesOf, wordsOf } from './dockerfile.ts'

const run = promisify(execFile)
const ROOT = resolve(import.meta.dirname, '../..')
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024
const USER_NODE = 1000

/** What the image tells its runtime. */
export interface Image {
  /** A folder with the layers of the image; the base is mounted when something runs. */
  readonly root: string
  readonly env: Readonly<Record<string, string>>
  readonly workdir: string
  readonly user: string
  readonly volume: string
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly health: readonly string[]
}

/** Why the image cannot be built and run here; false if it can. */
export function whyNoContainers(): string | false {
  const needed = 'only for root on Linux, with unshare, nsenter, setpriv and ip'
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return needed
  const script = 'ip link set lo up && setpriv --version && nsenter --version'
  const { status } = spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', 'sh', '-c', script])
  return status === 0 ? false : needed
}

/**
 * Carries out the Dockerfile without Docker, each stage in a folder that is its root. The system of this machine with the
 * Node.js of the tests stands for the base image; a shell runs each RUN in it; COPY takes what `.dockerignore` lets through.
 * @param folder where the stages are kept, one folder each
 */
export async function buildImage(folder: string): Promise<Image> {
  let image: Image | undefined
  for (const { name, instructions } of stagesOf(readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8'))) {
    const root = join(folder, name || 'image')
    makeBase(root)
    image = await buildStage(root, instructions, folder)
  }
  if (image === undefined) throw new Error('the Dockerfile has no stage')
  return image
}

async function buildStage(
  root: string,
  instructions: readonly Instruction[],
  folder: string,
): Promise<Image> {
  const env: Record<string, string> = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }
  let image: Image = {
    root,
    env,
    workdir: '/',
    user: '0:0',
    volume: '',
    entrypoint: [],
    command: [],
    health: [],
  }
  for (const { name, rest } of instructions) {
    if (name === 'ENV') Object.assign(env, pairsOf(rest))
    else if (name === 'WORKDIR') {
      image = { ...image, workdir: rest }
      mkdirSync(join(root, rest), { recursive: true })
    } else if (name === 'COPY') copy(rest, join(root, image.workdir), folder)
    else if (name === 'RUN') await runStep({ root, workdir: image.workdir, command: rest, env })
    else if (name === 'USER') image = { ...image, user: rest }
    else if (name === 'VOLUME') image = { ...image, volume: rest }
    else if (name === 'ENTRYPOINT') image = { ...image, entrypoint: wordsOf(rest) }
    else if (name === 'CMD') image = { ...image, command: wordsOf(rest) }
    else if (name === 'HEALTHCHECK') image = { ...image, health: wordsOf(rest) }
    else if (!['LABEL', 'ARG', 'EXPOSE', 'STOPSIGNAL'].includes(name))
      throw new Error(`${name} is not known here`)
  }
  return image
}

/** What differs from this machine's system: a Node.js and an npm of its own, as `node:26-slim` has them, and empty folders. */
function makeBase(root: string): void {
  for (const name of ['usr', 'etc', 'proc', 'dev', 'tmp', 'local/bin', 'local/lib/node_modules'])
    mkdirSync(join(root, name), { recursive: true })
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name))
  chmodSync(join(root, 'tmp'), 0o1777)
  const node = realpathSync(process.execPath)
  try {
    linkSync(node, join(root, 'local/bin/node'))
  } catch {
    cpSync(node, join(root, 'local/bin/node'))
  }
  const npm = spawnSync('sh', ['-c', 'readlink -f "$(command -v npm)"'], { encoding: 'utf8' }).stdout.trim()
  const npmFolder = dirname(dirname(npm))
  cpSync(npmFolder, join(root, 'local/lib/node_modules', basename(npmFolder)), { recursive: true })
  symlinkSync(`../lib/node_modules/${basename(npmFolder)}/bin/npm-cli.js`, join(root, 'local/bin/npm'))
}

function copy(rest: string, workdir: string, folder: string): void {
  const words = rest.split(/\s+/)
  const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined
  const target = words.pop() ?? ''
  const isFolder = target.endsWith('/') || words.length > 1
  for (const word of words) {
    const source = from === undefined ? join(ROOT, word) : join(folder, from, word)
    if (from === undefined && !isInContext(word)) throw new Error(`.dockerignore keeps ${word} out`)
    const isFile = isFolder || /\.\w+$/.test(word)
    cpSync(source, isFile && isFolder ? join(workdir, target, basename(word)) : join(workdir, target), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => from !== undefined || !path.endsWith('.test.ts'),
    })
  }
}

const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n')

function isInContext(path: string): boolean {
  return ignored.some((line) => line.startsWith('!') && `${path}/`.startsWith(`${line.slice(1)}/`))
}

/**
 * Mounts the system below `$1`, read-only, with the image's own `/usr/local`. The rest of the words are mounts (`from:to`), up to
 * `--`, then the command, which runs in that root.
 */
const ENTER = `
  set -e
  root=$1 access=$2; shift 2
  mount --bind "$root" "$root"
  mount --rbind /usr "$root/usr" && mount -o remount,bind,ro "$root/usr"
  mount --bind "$root/local" "$root/usr/local"
  mount --rbind /etc "$root/etc" && mount -o remount,bind,ro "$root/etc"
  mount --rbind /dev "$root/dev"
  mount -t proc proc "$root/proc"
  while [ "$1" != -- ]; do
    if [ -d "\${1%%:*}" ]; then mkdir -p "$root\${1#*:}"; else touch "$root\${1#*:}"; fi
    mount --bind "\${1%%:*}" "$root\${1#*:}"
    shift
  done
  shift
  if [ "$access" = ro ]; then
    mount -o remount,bind,ro "$root" && mount -o remount,bind,ro "$root/usr/local" && mount -t tmpfs tmp "$root/tmp"
    ip link set lo up
  fi
  exec chroot "$root" "$@"`

interface Step {
  readonly root: string
  readonly workdir: string
  readonly command: string
  readonly env: Readonly<Record<string, string>>
}

/** Builds reach the registry as this machine does, with its settings and its cache of npm. */
async function runStep({ root, workdir, command, env }: Step): Promise<void> {
  mkdirSync(join(homedir(), '.npm'), { recursive: true })
  const mounts = ['.npm', '.npmrc'].filter((name) => existsSync(join(homedir(), name)))
  const given = Object.entries(process.env).filter(([name]) =>
    /^(npm_config_|https?_proxy$|no_proxy$)/i.test(name),
  )
  const global = spawnSync('npm', ['config', 'get', 'globalconfig'], { encoding: 'utf8' }).stdout.trim()
  const settings = { npm_config_globalconfig: global, npm_config_prefer_offline: 'true', HOME: '/tmp' }
  await run(
    'unshare',
    [
      ...['--mount', '--pid', '--fork', 'sh', '-c', ENTER, 'enter', root, 'rw'],
      ...mounts.map((name) => `${join(homedir(), name)}:/tmp/${name}`),
      ...['--', 'sh', '-c', `cd ${workdir} && ${command}`],
    ],
    { env: { ...Object.fromEntries(given), ...settings, ...env }, maxBuffer: MAX_OUTPUT_BYTES },
  )
}

interface ContainerOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Folder of this machine → where the container sees it. */
  readonly mounts?: Readonly<Record<string, string>>
}

/**
 * A container of an image, as strict as a cluster can be: the root read-only, an ordinary user without capabilities, a network
 * of its own, and as the first process of its own, which the kernel ends by no signal that it does not handle.
 */
export class Container {
  readonly #child: ChildProcess
  readonly #image: Image
  readonly #env: Readonly<Record<string, string>>
  #output = ''

  private constructor(image: Image, env: Readonly<Record<string, string>>, child: ChildProcess) {
    this.#image = image
    this.#env = env
    this.#child = child
    const keep = (text: string) => {
      this.#output += text
    }
    child.stdout?.setEncoding('utf8').on('data', keep)
    child.stderr?.setEncoding('utf8').on('data', keep)
  }

  /** @returns once the process runs, before it serves */
  static async start(
    image: Image,
    { args = image.command, env = {}, mounts = {} }: ContainerOptions,
  ): Promise<Container> {
    const whole = { ...image.env, ...env }
    for (const folder of Object.keys(mounts)) chownSync(folder, USER_NODE, USER_NODE)
    const child = spawn('unshare', [
      ...[
        '--mount',
        '--net',
        '--pid',
        '--fork',
        '--kill-child',
        'sh',
        '-c',
        ENTER,
        'enter',
        image.root,
        'ro',
      ],
      ...Object.entries(mounts).map(([from, to]) => `${from}:${to}`),
      ...['--', ...asUser(image.user), ...environment(image, whole), ...image.entrypoint, ...args],
    ])
    await once(child, 'spawn')
    return new Container(image, whole, child)
  }

  /** What it wrote to standard output and standard error. */
  get output(): string {
    return this.#output
  }

  /** Runs a command in it, as `docker exec` and a probe of a cluster do. */
  async execute(...words: readonly string[]): Promise<{ status: number; output: string }> {
    const child = spawn('nsenter', [
      ...[`--target=${this.#pid()}`, '--mount', '--net', '--pid', '--root', '--'],
      ...[...asUser(this.#image.user), ...environment(this.#image, this.#env), ...words],
    ])
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    const [status] = await once(child, 'close')
    return { status, output }
  }

  /** @returns the exit code after the signal */
  async stop(signal: NodeJS.Signals): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode
    const ended = once(this.#child, 'exit')
    process.kill(this.#pid(), signal)
    const [status] = await ended
    return status
  }

  /** The number that this machine has for the first process of the container, the only child of `unshare`. */
  #pid(): number {
    const pid = this.#child.pid ?? 0
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim())
  }
}

function asUser(user: string): readonly string[] {
  const [uid, gid] = user.split(':')
  return [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--no-new-privs',
    '--bounding-set=-all',
    '--inh-caps=-all',
  ]
}

function environment({ workdir }: Image, variables: Readonly<Record<string, string>>): readonly string[] {
  return [
    'env',
    `--chdir=${workdir}`,
    '-i',
    ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
  ]
}

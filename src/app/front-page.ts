import type { FrontPage } from '../http/front-page.ts'
import type { SurfaceOptions } from './http-surface.ts'

/** Where the root of this server leads. */
export function frontPageOf({
  dialects,
  console,
  emulator,
}: Pick<SurfaceOptions, 'dialects' | 'console' | 'emulator'>): FrontPage {
  return {
    // Below its name a path is surely the dialect's; at the root others may share it.
    apis: dialects
      .map(({ name, title, basePath = '' }) => ({ name, title, basePath: `/${name}${basePath}` }))
      // By code point: a collator would take 9 ms of every start.
      .sort((one, other) => (one.title < other.title ? -1 : 1)),
    links: [
      ...(console ? [consoleLink] : []),
      ...(emulator ? [emulatorLink] : []),
      {
        name: 'docs',
        title: 'API reference',
        about: 'Every API, with its requests and answers.',
        path: 'docs/',
      },
      { name: 'health', title: 'Health', about: 'Whether database and bytes answer.', path: 'readyz' },
    ],
  }
}

const emulatorLink = {
  name: 'emulator',
  title: 'Emulator',
  about:
    'All data here are for tests: below /-/ time is moved, faults are set, everything is removed. This is the journal of requests.',
  path: '-/journal',
}

const consoleLink = {
  name: 'console',
  title: 'Console',
  about: 'Every file of every API: look, search, upload, change, delete.',
  path: 'console/',
}

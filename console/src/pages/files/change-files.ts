import type { FileBody } from '../../api/bodies.ts'
import { type Change, isOfAnother, oppositeOf, sendChange } from '../../api/changes.ts'
import { ApiError, type Patience } from '../../api/client.ts'
import { reasonOf } from '../../ui/failure.tsx'
import { countOf } from '../../ui/text.tsx'
import { toast } from '../../ui/toast.tsx'
import type { FilesView } from './view.ts'
import { refuse, work } from './work.ts'

interface ChangeAll {
  readonly changeOf: (file: FileBody) => Change
  /** What came of it, for the sentence that tells: `renamed`. */
  readonly done: string
  /** Only of files that are as they are given here; else of what they are by now. */
  readonly isExact?: boolean
}

/** A file as it is now, and what makes its changed fields as they were. */
interface Changed {
  readonly file: FileBody
  readonly before: Change
}

/** Few enough not to use up all of an organization's writes in a moment. */
const AT_ONCE = 4
/** Nobody waits for one of many. */
const ATTEMPTS = 8
/** Of others who change the same file at the same time. */
const MAX_RACES = 3

/** @throws ApiError for a form to show beside its field */
export async function changeFile(
  view: FilesView,
  file: FileBody,
  { changeOf, done }: ChangeAll,
): Promise<void> {
  tell(view, [await patchNewest(view, file, changeOf)], { asked: 1, done })
}

/** Changes files one by one. What is refused stands in its row; what was changed can be taken back. */
export async function changeFiles(
  view: FilesView,
  files: readonly FileBody[],
  given: ChangeAll,
): Promise<void> {
  tell(view, await patchAll(view, files, given), { asked: files.length, done: given.done })
}

interface Asked extends Pick<ChangeAll, 'done'> {
  /** How many files were to be changed. */
  readonly asked: number
}

/** Tells what came of it, and offers to take it back. */
function tell(view: FilesView, changed: readonly Changed[], { asked, done }: Asked): void {
  const files = changed.map(({ file }) => file)
  const before = new Map(changed.map((each) => [each.file.id, each.before]))
  const undo = async () => {
    const back = await patchAll(view, files, {
      changeOf: ({ id }) => before.get(id) ?? {},
      done: 'changed back',
      isExact: true,
    })
    const isError = back.length < files.length
    const failed = `${countOf(files.length - back.length)} of ${countOf(files.length)} not changed back.`
    toast({ text: isError ? failed : `${nounOf(back.length)} changed back.`, isError })
  }
  const left = asked - changed.length
  const text = `${nounOf(changed.length)} ${done}${left === 0 ? '' : `, ${countOf(left)} not`}.`
  toast(changed.length === 0 ? { text } : { text, undo })
}

function nounOf(count: number): string {
  return count === 1 ? '1 file' : `${countOf(count)} files`
}

async function patchAll(
  view: FilesView,
  files: readonly FileBody[],
  { changeOf, done, isExact = false }: ChangeAll,
): Promise<readonly Changed[]> {
  const changed: Changed[] = []
  const stop = new AbortController()
  const patience = { signal: stop.signal, attempts: ATTEMPTS }
  const queue = files.entries()
  const changeRest = async () => {
    for (const [at, file] of queue) {
      if (stop.signal.aborted) return
      if (files.length > 1)
        work.value = { label: 'Changing files', done: at, total: files.length, stop: () => stop.abort() }
      try {
        changed.push(
          isExact
            ? await patch(view, file, changeOf(file), patience)
            : await patchNewest(view, file, changeOf, patience),
        )
      } catch (error) {
        // The sign-in over the page tells it; nothing more would be changed.
        if (error instanceof ApiError && error.status === 401) return stop.abort()
        const retry = () => void changeFiles(view, [file], { changeOf, done })
        refuse(file.id, { text: `Not ${done}. ${reasonOf(error)}`, retry })
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, changeRest))
  work.value = undefined
  return changed
}

/** Where somebody else was sooner, the change is made of what the file is then. */
async function patchNewest(
  view: FilesView,
  file: FileBody,
  changeOf: ChangeAll['changeOf'],
  patience?: Patience,
): Promise<Changed> {
  for (let attempt = 1; ; attempt++) {
    const newest = view.newest(file)
    try {
      return await patch(view, newest, changeOf(newest), patience)
    } catch (error) {
      if (!isOfAnother(error) || attempt === MAX_RACES) throw error
    }
  }
}

/** One that is on its way is waited for where it is stopped, since it may be made all the same. */
async function patch(view: FilesView, file: FileBody, change: Change, patience?: Patience): Promise<Changed> {
  const now = await sendChange(file, change, (now) => view.replace(now), patience)
  return { file: now, before: oppositeOf(file, change) }
}

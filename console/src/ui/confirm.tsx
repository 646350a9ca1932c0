import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { Button } from './button.tsx'
import { Dialog, DialogActions } from './dialog.tsx'

export interface Question {
  readonly title: string
  readonly body?: ComponentChildren
  /** What the button says: the verb, and not "OK". */
  readonly action: string
  /** What cannot be undone. */
  readonly isDanger?: boolean
}

const asked = signal<(Question & { readonly answer: (isYes: boolean) => void }) | undefined>(undefined)

/** Asks once. @returns whether the action may go on */
export function confirm(question: Question): Promise<boolean> {
  asked.value?.answer(false)
  return new Promise((resolve) => {
    const answer = (isYes: boolean) => {
      asked.value = undefined
      resolve(isYes)
    }
    asked.value = { ...question, answer }
  })
}

/** Where questions are shown, once per document. */
export function Confirm() {
  const question = asked.value
  if (question === undefined) return null
  const { title, body, action, isDanger = false, answer } = question
  return (
    <Dialog title={title} onClose={() => answer(false)}>
      {body}
      <DialogActions>
        <Button onClick={() => answer(false)}>Cancel</Button>
        <Button kind={isDanger ? 'danger' : 'main'} onClick={() => answer(true)}>
          {action}
        </Button>
      </DialogActions>
    </Dialog>
  )
}

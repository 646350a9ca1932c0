import { useEffect, useRef } from 'preact/hooks'
import type { MadeKey } from '../../access/bodies.ts'
import { me } from '../../session.ts'
import { Button } from '../../ui/button.tsx'
import { CopyText } from '../../ui/copy.tsx'
import { DialogActions } from '../../ui/dialog.tsx'
import styles from './keys.module.css'

/** The secret, this once, and what to do with it. */
export function MadeKeyView({ made, onClose }: { readonly made: MadeKey; readonly onClose: () => void }) {
  const { secret } = made
  const text = useRef<HTMLDivElement>(null)
  // The button that had the focus is gone.
  useEffect(() => text.current?.focus(), [])
  const url = me.value?.publicUrl ?? ''
  return (
    <>
      <div ref={text} class={styles.made} tabIndex={-1}>
        <p>
          Copy the key now and keep it where secrets are kept. <strong>It is not shown again</strong>; a lost
          key is revoked, and another one made.
        </p>
        <CopyText text={secret} what="the key" />
        <p class={styles.soft}>Try it in a shell:</p>
        <CopyText text={snippetOf(url, secret)} what="the commands" />
        <p class={styles.soft}>
          Each vendor’s SDK takes it as its API key, with its base URL below <code>{url}</code>; see the{' '}
          <a href="../docs/" target="_blank" rel="noreferrer">
            API reference
          </a>
          .
        </p>
      </div>
      <DialogActions>
        <Button kind="main" onClick={onClose}>
          Done
        </Button>
      </DialogActions>
    </>
  )
}

function snippetOf(url: string, secret: string): string {
  return [
    `export ENTREPOT_URL=${url}`,
    `export ENTREPOT_KEY=${secret}`,
    'curl -sS "$ENTREPOT_URL/admin/v1/me" -H "Authorization: Bearer $ENTREPOT_KEY"',
  ].join('\n')
}

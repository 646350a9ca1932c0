import { me, signOut } from '../session.ts'
import { THEMES, theme } from '../theme.ts'
import { reasonOf } from '../ui/failure.tsx'
import type { IconName } from '../ui/icon.tsx'
import { Menu } from '../ui/menu.tsx'
import { toast } from '../ui/toast.tsx'
import styles from './account.module.css'

const LOOKS = {
  auto: { label: 'As the system', icon: 'auto' },
  light: { label: 'Light', icon: 'sun' },
  dark: { label: 'Dark', icon: 'moon' },
} as const satisfies Record<(typeof THEMES)[number], { label: string; icon: IconName }>

/** Who is signed in, how it looks, and the way out. */
export function Account() {
  const { user, key, role, version } = me.value ?? {}
  const leave = () => signOut().catch((error) => toast({ text: reasonOf(error), isError: true }))
  return (
    <footer class={styles.account}>
      <div class={styles.who}>
        <bdi class={styles.name}>{user ?? key?.name ?? 'Signed in'}</bdi>
        <span class={styles.role}>
          {role} · {version}
        </span>
      </div>
      <Menu
        label={`Look: ${LOOKS[theme.value].label}`}
        icon={LOOKS[theme.value].icon}
        items={THEMES.map((each) => ({
          ...LOOKS[each],
          isChosen: each === theme.value,
          onSelect: () => {
            theme.value = each
          },
        }))}
      />
      <Menu
        label="Account"
        icon="user"
        items={[{ label: 'Sign out', icon: 'leave', onSelect: () => void leave() }]}
      />
    </footer>
  )
}

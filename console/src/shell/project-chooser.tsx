import { setQuery } from '../router.ts'
import { me, project } from '../session.ts'
import styles from './project-chooser.module.css'

/** All projects or one. The choice is in the address, so that a link shows what its sender saw. */
export function ProjectChooser() {
  const { organization, projects = [] } = me.value ?? {}
  const named = project.value
  const chosen = projects.find(({ id, slug }) => id === named || slug === named)?.slug
  return (
    <label class={styles.chooser}>
      <span class={styles.organization}>
        <bdi>{organization?.slug}</bdi>
      </span>
      <select
        class={styles.select}
        aria-label="Project"
        value={chosen ?? named}
        onChange={({ currentTarget: { value } }) => setQuery({ project: value === '*' ? null : value })}
      >
        <option value="*">All projects</option>
        {chosen === undefined && named !== '*' && <option value={named}>{named}</option>}
        {projects.map(({ id, slug }) => (
          <option key={id} value={slug}>
            {slug}
          </option>
        ))}
      </select>
    </label>
  )
}

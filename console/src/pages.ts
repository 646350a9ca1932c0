import type { ComponentType } from 'preact'
import type { Role } from './api/bodies.ts'
import { lazyPage } from './lazily.tsx'
import { FilesPage } from './pages/files/files.tsx'
import type { IconName } from './ui/icon.tsx'

/** What a page is given. */
export interface PageProps {
  /** What `:id` is in its address; empty where it has none. */
  readonly id: string
}

export interface PageEntry {
  /** Below `/console/`; a last segment `:id` takes any text. */
  readonly path: string
  readonly title: string
  /** Present where the navigation leads there. */
  readonly icon?: IconName
  /** The least role that has it; undefined: everybody who is signed in. */
  readonly role?: Role
  /** Shown without the navigation, also to those who are not signed in. */
  readonly isPublic?: true
  readonly page: ComponentType<PageProps>
}

/** Every page, in the order of the navigation. A new one is a folder and a row here; all but the first load when they are shown. */
export const pages: readonly PageEntry[] = [
  { path: '', title: 'Files', icon: 'files', page: FilesPage },
  {
    path: 'files/:id',
    title: 'File',
    page: lazyPage(async () => (await import('./pages/file/file.tsx')).FilePage),
  },
  {
    path: 'uploads',
    title: 'Uploads',
    icon: 'upload',
    role: 'member',
    page: lazyPage(async () => (await import('./pages/uploads/uploads.tsx')).UploadsPage),
  },
  {
    path: 'keys',
    title: 'Keys',
    icon: 'key',
    role: 'admin',
    page: lazyPage(async () => (await import('./pages/keys/keys.tsx')).KeysPage),
  },
  {
    path: 'projects',
    title: 'Projects & quotas',
    icon: 'projects',
    page: lazyPage(async () => (await import('./pages/projects/projects.tsx')).ProjectsPage),
  },
  {
    path: 'usage',
    title: 'Usage',
    icon: 'usage',
    page: lazyPage(async () => (await import('./pages/usage/usage.tsx')).UsagePage),
  },
  {
    path: 'activity',
    title: 'Activity',
    icon: 'activity',
    role: 'admin',
    page: lazyPage(async () => (await import('./pages/activity/activity.tsx')).ActivityPage),
  },
  {
    path: 'settings',
    title: 'Settings & health',
    icon: 'settings',
    role: 'operator',
    page: lazyPage(async () => (await import('./pages/settings/settings.tsx')).SettingsPage),
  },
  {
    path: 'sessions',
    title: 'Sessions',
    icon: 'sessions',
    page: lazyPage(async () => (await import('./pages/sessions/sessions.tsx')).SessionsPage),
  },
  {
    path: 'sign-in',
    title: 'Sign in',
    isPublic: true,
    page: lazyPage(async () => (await import('./pages/sign-in/sign-in.tsx')).SignInPage),
  },
]

/** The page at a path, and what `:id` is there. */
export function pageAt(path: string): { readonly entry: PageEntry; readonly id: string } | undefined {
  for (const entry of pages) {
    if (entry.path === path) return { entry, id: '' }
    const start = entry.path.endsWith('/:id') ? entry.path.slice(0, -':id'.length) : undefined
    if (start !== undefined && path.startsWith(start) && !path.slice(start.length).includes('/'))
      return { entry, id: path.slice(start.length) }
  }
  return undefined
}

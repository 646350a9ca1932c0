/** Strokes on a grid of 16, by name. */
const PATHS = {
  files: 'M4 1.5h5l3.5 3.5v9.5h-8.5zM9 1.5V5h3.5',
  upload: 'M8 10.5v-8M4.75 5.5 8 2.25 11.25 5.5M2.5 10.5v3h11v-3',
  download: 'M8 2.25v8M4.75 7.25 8 10.5l3.25-3.25M2.5 10.5v3h11v-3',
  key: 'M9.5 6.5a3 3 0 1 0-1.2 2.4M8.3 8.9 13.5 14M11.2 11.7l1.6-1.6',
  projects: 'M1.75 12.5v-9h4.5l1.5 2h6.5v7z',
  usage: 'M2.5 13.5v-5M6.25 13.5v-9M10 13.5V7M13.5 13.5V2.5',
  activity: 'M1.5 8.5h3l2-5 3 9.5 2-4.5h3',
  settings: 'M2 4.5h6M11.5 4.5H14M2 11.5h2.5M8 11.5h6M9.75 2.75v3.5M6.25 9.75v3.5',
  sessions: 'M2.5 2.5h11v7.5h-11zM5.5 13.5h5M8 10v3.5',
  search: 'M11 6.75a4.25 4.25 0 1 1-8.5 0 4.25 4.25 0 0 1 8.5 0zM9.9 9.9l3.6 3.6',
  filter: 'M1.75 3.5h12.5M4.25 8h7.5M6.5 12.5h3',
  close: 'M3.75 3.75l8.5 8.5M12.25 3.75l-8.5 8.5',
  check: 'M2.75 8.5l3.5 3.5 7-8',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  menu: 'M2 4h12M2 8h12M2 12h12',
  up: 'M8 13V3.5M4 7.25 8 3.25l4 4',
  down: 'M8 3v9.5M4 8.75l4 4 4-4',
  expand: 'M4 6.25l4 4 4-4',
  back: 'M13 8H3.5M7.25 4l-4 4 4 4',
  trash: 'M2.5 4.25h11M6 4V2.25h4V4M4 4.25l.6 9.5h6.8l.6-9.5M6.75 7v4M9.25 7v4',
  rename: 'M2.5 13.5l.6-2.9 8.1-8.1 2.3 2.3-8.1 8.1zM9.75 4l2.25 2.25',
  label: 'M2 2.5h5.5l6.5 6.5-5 5L2.5 7.5zM5 5.5h.01',
  clock: 'M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0zM8 4.5V8l2.5 1.5',
  link: 'M6.5 9.5l3-3M7.25 4.5 9 2.75a3 3 0 0 1 4.25 4.25L11.5 8.75M8.75 11.5 7 13.25A3 3 0 0 1 2.75 9L4.5 7.25',
  warning: 'M8 2 1.5 13.5h13zM8 6.5v3.25M8 11.75h.01',
  retry: 'M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3',
  user: 'M10.75 5a2.75 2.75 0 1 1-5.5 0 2.75 2.75 0 0 1 5.5 0zM2.5 14c.5-3 2.7-4.5 5.5-4.5s5 1.5 5.5 4.5',
  leave: 'M6 2.5H2.5v11H6M10 4.75 13.25 8 10 11.25M13 8H6',
  sun: 'M11 8a3 3 0 1 1-6 0 3 3 0 0 1 6 0zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13M13 3l-1.1 1.1M4.1 11.9 3 13',
  moon: 'M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z',
  auto: 'M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0zM8 2v12M8 5l4.5-1M8 8h6M8 11l4.5 1',
  eye: 'M1.5 8C3 5 5.2 3.5 8 3.5S13 5 14.5 8C13 11 10.8 12.5 8 12.5S3 11 1.5 8zM10 8a2 2 0 1 1-4 0 2 2 0 0 1 4 0z',
  hidden:
    'M1.5 8C3 5 5.2 3.5 8 3.5S13 5 14.5 8C13 11 10.8 12.5 8 12.5S3 11 1.5 8zM10 8a2 2 0 1 1-4 0 2 2 0 0 1 4 0zM2.5 13.5l11-11',
  plus: 'M8 2.75v10.5M2.75 8h10.5',
  pause: 'M5.5 3v10M10.5 3v10',
  play: 'M4.5 2.5l8.5 5.5-8.5 5.5z',
} as const

export type IconName = keyof typeof PATHS

/** Says nothing to screen readers: what it stands beside, or a label, does. */
export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width={name === 'more' ? 2 : 1.4}
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  )
}

/** Two crates on a quay. */
export function Logo({ size = 20 }: { readonly size?: number }) {
  return (
    <svg aria-hidden="true" width={size} height={size} viewBox="0 0 16 16" fill="var(--brand)">
      <path d="M1 8h6v6H1zM9 8h6v6H9zM5 1h6v6H5z" />
    </svg>
  )
}

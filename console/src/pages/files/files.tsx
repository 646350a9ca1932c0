import { PageFrame } from '../../ui/page.tsx'

export function FilesPage() {
  return <PageFrame title="Files">{null}</PageFrame>
}

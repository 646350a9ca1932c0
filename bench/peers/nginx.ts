import { mkdir, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'

/**
 * A configuration of its own: as many workers as there are cores, sendfile, WebDAV's PUT, and nothing logged, which is to
 * nginx's advantage. PUT renames, so its temporary files have to be on the disk of the stored ones.
 */
export async function nginxArguments(folder: string, port: number): Promise<string[]> {
  const user = userInfo().uid === 0 ? `user ${userInfo().username};` : ''
  for (const name of ['files', 'bodies']) await mkdir(join(folder, name), { recursive: true })
  const unused = ['proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  )
  const text = `
    daemon off;
    ${user}
    worker_processes auto;
    pid ${join(folder, 'nginx.pid')};
    error_log ${join(folder, 'error.log')};
    events { worker_connections 4096; }
    http {
      access_log off;
      sendfile on;
      tcp_nopush on;
      keepalive_requests 100000000;
      client_max_body_size 0;
      client_body_temp_path ${join(folder, 'bodies')};
      ${unused.join('\n      ')}
      server {
        listen 127.0.0.1:${port};
        root ${join(folder, 'files')};
        dav_methods PUT DELETE;
      }
    }
  `
  const path = join(folder, 'nginx.conf')
  await writeFile(path, text)
  // Otherwise it would open the log of the machine's own nginx first.
  return ['-p', folder, '-e', join(folder, 'error.log'), '-c', path]
}

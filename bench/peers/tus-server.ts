// @tus/server with its file store, as its documentation starts it.
import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'

const directory = process.env.ENTREPOT_DATA_DIR ?? '.'
const http = new Server({ path: '/files', datastore: new FileStore({ directory }) }).listen(
  { host: '127.0.0.1', port: 0 },
  () => {
    const address = http.address()
    const port = typeof address === 'object' ? address?.port : undefined
    console.log(JSON.stringify({ http: `http://127.0.0.1:${port}`, msg: 'listening' }))
  },
)

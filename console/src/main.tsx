import './styles/tokens.css'
import './styles/base.css'
import { render } from 'preact'
import { App } from './app.tsx'
import { startRouter } from './router.ts'
import { loadMe } from './session.ts'
import { startTheme } from './theme.ts'

startTheme()
startRouter()
void loadMe()
const root = document.getElementById('root')
if (root !== null) render(<App />, root)

import { testPythonClients } from './python-clients.ts'

testPythonClients('gemini')

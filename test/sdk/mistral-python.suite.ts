import { testPythonClients } from './python-clients.ts'

testPythonClients('mistral')

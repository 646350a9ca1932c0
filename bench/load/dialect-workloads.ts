import { ROOT_KEY } from '../../test/faults/server-process.ts'
import { authorization, FILES, formFile } from './whole-file.ts'
import type { Target, Workload } from './workload.ts'

/** The whole file as a form, Anthropic's way. */
export function anthropicForm(target: Target): Workload {
  return formFile(target, FILES, { 'anthropic-version': '2026-10-21', 'x-api-key': ROOT_KEY }, {})
}

/** The whole file as a form, OpenAI's way. */
export function openaiForm(target: Target): Workload {
  const headers = { authorization, 'user-agent': 'OpenAI/JS 7.57.0' }
  return formFile(target, FILES, headers, { purpose: 'user_data' })
}

/** The whole file as a form, Mistral's way. */
export function mistralForm(target: Target): Workload {
  const headers = { authorization, 'user-agent': 'mistral-client-typescript/2.7.0' }
  return formFile(target, FILES, headers, { purpose: 'ocr' })
}

import { anthropic } from './anthropic.ts'
import { gemini } from './gemini.ts'
import { lightfield } from './lightfield.ts'
import { llamacloud } from './llamacloud.ts'
import { mistral } from './mistral.ts'
import { openai } from './openai.ts'
import type { Conformance } from './rule.ts'
import { yandex } from './yandex.ts'

/** What is documented of every dialect. */
export const allConformances: readonly Conformance[] = [
  lightfield,
  gemini,
  anthropic,
  mistral,
  llamacloud,
  yandex,
  openai,
]

import { radixForm } from '../../core/file-id.ts'

/** The pattern leaves out ids of times after the year 10800, which `parse` takes. */
export const fileIds = radixForm({
  prefix: 'fil_',
  radix: 36,
  length: 25,
  pattern: 'fil_[0-9a-e][0-9a-z]{24}',
})

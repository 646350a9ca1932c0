import assert from 'node:assert/strict'
import { test } from 'node:test'
import { axisText } from '../../console/src/pages/usage/axis-text.ts'

test('what stands at an axis fits beside the plot, however large it is', () => {
  const show = (value: number) => value.toLocaleString('en')
  assert.equal(axisText(9_999_999, show), '9,999,999')
  assert.ok(axisText(4_500_000_000, show).length <= 9)
  assert.equal(axisText(0.5, show), '')
})

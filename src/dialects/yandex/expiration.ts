import type { ExpiryChange, ExpiryRule } from '../../core/files/expiry.ts'
import { type ExpirationConfig, ExpirationConfig_ExpirationPolicy as Policy } from './gen/expiration_pb.js'
import type { YandexSettings } from './settings.ts'
import type { Violations } from './violations.ts'

type TtlPolicy = Exclude<YandexSettings['defaultPolicy'], 'never'>
type Defaults = Pick<YandexSettings, 'defaultPolicy' | 'defaultTtlDays' | 'maxTtlDays'>

/** What a file created with this configuration lives by; a half that is left out is filled in. */
export function toExpiryRule(
  config: ExpirationConfig | undefined,
  settings: Defaults,
  violations: Violations,
): ExpiryRule {
  const isUnset = config === undefined || (config.expirationPolicy === 0 && config.ttlDays === 0n)
  if (isUnset && settings.defaultPolicy === 'never') return { policy: 'never' }
  return { policy: policyOf(config, settings, violations), ttlDays: daysOf(config, settings, violations) }
}

/** Which halves of the configuration an update names. */
export interface ExpirationParts {
  readonly policy: boolean
  readonly ttlDays: boolean
}

/** A half that the mask names and the request does not give is reset to its default. */
export function toExpiryChange(
  config: ExpirationConfig | undefined,
  parts: ExpirationParts,
  settings: Defaults,
  violations: Violations,
): ExpiryChange {
  return {
    ...(parts.policy ? { policy: policyOf(config, settings, violations) } : {}),
    ...(parts.ttlDays ? { ttlDays: daysOf(config, settings, violations) } : {}),
    defaultTtlDays: settings.defaultTtlDays,
  }
}

function policyOf(
  config: ExpirationConfig | undefined,
  { defaultPolicy }: Defaults,
  violations: Violations,
): TtlPolicy {
  const policy: number = config?.expirationPolicy ?? 0
  if (policy === Policy.STATIC) return 'since-created'
  if (policy === Policy.SINCE_LAST_ACTIVE) return 'since-last-active'
  if (policy !== Policy.EXPIRATION_POLICY_UNSPECIFIED)
    violations.add('expiration_config.expiration_policy', `there is no policy ${policy}`)
  return defaultPolicy === 'since-created' ? 'since-created' : 'since-last-active'
}

function daysOf(
  config: ExpirationConfig | undefined,
  { defaultTtlDays, maxTtlDays }: Defaults,
  violations: Violations,
): number {
  const days = config?.ttlDays ?? 0n
  if (days === 0n) return defaultTtlDays
  if (days >= 1n && days <= BigInt(maxTtlDays)) return Number(days)
  violations.add('expiration_config.ttl_days', `must be from 1 to ${maxTtlDays}`)
  return defaultTtlDays
}

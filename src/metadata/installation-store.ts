import type { MetadataStore } from '../core/ports/metadata-store.ts'
import type { SqlEngine } from './engine.ts'
import { installationReads } from './installation-reads.ts'
import type { ChangeQueries } from './plan-change.ts'
import { totalQueries } from './queries/totals.ts'
import { readProjectTotals, readTotals } from './read-totals.ts'
import { tenantReads } from './tenant-reads.ts'
import { usageReads } from './usage-reads.ts'

/** What a store tells of its installation, its tenants, its usage and those who share it, as its engine does it. */
export class InstallationStore {
  readonly join: MetadataStore['join']
  readonly sharedClock: MetadataStore['sharedClock']
  readonly waitingCalls: MetadataStore['waitingCalls']
  readonly storeId: MetadataStore['storeId']
  readonly clockTrust: MetadataStore['clockTrust']
  readonly emulatedTime: MetadataStore['emulatedTime']
  readonly youngestRowAt: MetadataStore['youngestRowAt']
  readonly bytesPlace: MetadataStore['bytesPlace']
  readonly move: MetadataStore['move']
  readonly totals: MetadataStore['totals']
  readonly usage: MetadataStore['usage']
  readonly pageOrganizations: MetadataStore['pageOrganizations']
  readonly pageProjects: MetadataStore['pageProjects']
  readonly findProjectById: MetadataStore['findProjectById']
  readonly findKeyById: MetadataStore['findKeyById']
  readonly pageKeys: MetadataStore['pageKeys']
  readonly listUsageHours: MetadataStore['listUsageHours']
  readonly findUsageBefore: MetadataStore['findUsageBefore']
  readonly listProjectTotals: MetadataStore['listProjectTotals']
  readonly indexNames: MetadataStore['indexNames']
  readonly wantedDiskBytes: MetadataStore['wantedDiskBytes']
  readonly knowsRoles: MetadataStore['knowsRoles']
  readonly holdCollection: MetadataStore['holdCollection']
  readonly isCollectionHeld: MetadataStore['isCollectionHeld']

  constructor(engine: SqlEngine, queries: ChangeQueries) {
    const installation = installationReads(engine, queries.installation)
    this.storeId = installation.storeId
    this.clockTrust = installation.clockTrust
    this.emulatedTime = installation.emulatedTime
    this.youngestRowAt = installation.youngestRowAt
    this.bytesPlace = installation.bytesPlace
    this.move = installation.move
    const { usage, listUsageHours, findUsageBefore } = usageReads(engine, queries)
    this.usage = usage
    this.listUsageHours = listUsageHours
    this.findUsageBefore = findUsageBefore
    const tenants = tenantReads(engine, queries)
    this.pageOrganizations = tenants.pageOrganizations
    this.pageProjects = tenants.pageProjects
    this.findProjectById = tenants.findProjectById
    this.findKeyById = tenants.findKeyById
    this.pageKeys = tenants.pageKeys
    const totals = totalQueries(engine.flavour.builder)
    this.totals = (now, limit) => readTotals(engine, totals, now, limit)
    this.listProjectTotals = () => readProjectTotals(engine, totals)
    this.join = engine.join?.bind(engine)
    this.sharedClock = engine.sharedClock?.bind(engine)
    this.waitingCalls = engine.waitingCalls?.bind(engine)
    this.indexNames = engine.indexNames?.bind(engine)
    this.wantedDiskBytes = engine.wantedDiskBytes?.bind(engine)
    this.knowsRoles = engine.knowsRoles.bind(engine)
    this.holdCollection = engine.holdCollection.bind(engine)
    this.isCollectionHeld = engine.isCollectionHeld.bind(engine)
  }
}

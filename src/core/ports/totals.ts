import type { FileState } from '../files/file.ts'
import type { Usage } from './changes.ts'

/** What an organization uses, reservations included. */
export interface OrganizationUsage extends Usage {
  readonly slug: string
}

/** How much of a quota, which is not zero, an organization uses. */
export interface QuotaUse {
  readonly slug: string
  readonly used: number
  readonly quota: number
}

/** Rows of files by state; those of deleted ones are not counted. */
export type FileCounts = Readonly<Record<Exclude<FileState, 'deleted'>, number>>

/** What a project holds, for operators. */
export interface ProjectTotals {
  readonly organizationId: string
  readonly organization: string
  readonly id: string
  readonly slug: string
  /** Reservations included. */
  readonly usage: Usage
  readonly files: FileCounts
}

/** What an installation holds, for operators. */
export interface Totals {
  readonly files: FileCounts
  readonly organizations: number
  /** What all organizations use, reservations included. */
  readonly usage: Usage
  /** The organizations that use most bytes, most first. */
  readonly largest: readonly OrganizationUsage[]
  /** Those that use most of their quota, fullest first; those without one, or with none left to give, are not listed. */
  readonly fullest: { readonly files: readonly QuotaUse[]; readonly bytes: readonly QuotaUse[] }
  /** Blobs that no file points at, counted to 10,000, those that are due first. */
  readonly unreferencedBlobs: {
    /** Being written, or waiting for their commit. */
    readonly receiving: number
    /** To be removed later. */
    readonly waiting: number
    /** To be removed now. */
    readonly due: number
  }
}

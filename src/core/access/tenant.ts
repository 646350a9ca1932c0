/** Bounds on what pending and stored files may take together; null: none. */
export interface Quota {
  readonly quotaFiles: number | null
  readonly quotaBytes: number | null
}

/** The tenant: owns projects and keys; rate limits and quotas are counted on it. */
export interface Organization extends Quota {
  /** UUID. */
  readonly id: string
  /** Unique in the installation. */
  readonly slug: string
  readonly createdAt: number
}

/** Holds files. Wherever a vendor names a project, folder or workspace, the UUID or the slug is accepted. */
export interface Project extends Quota {
  /** UUID. */
  readonly id: string
  readonly organizationId: string
  /** Free text, unique in the organization. */
  readonly slug: string
  readonly createdAt: number
}

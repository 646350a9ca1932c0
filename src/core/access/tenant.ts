/** The tenant: owns projects and keys; rate limits and quotas are counted on it. */
export interface Organization {
  /** UUID. */
  readonly id: string
  /** Unique in the installation. */
  readonly slug: string
  readonly createdAt: number
}

/** Holds files. Wherever a vendor names a project, folder or workspace, the UUID or the slug is accepted. */
export interface Project {
  /** UUID. */
  readonly id: string
  readonly organizationId: string
  /** Free text, unique in the organization. */
  readonly slug: string
  readonly createdAt: number
}

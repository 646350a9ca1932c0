import { jobsOf, ownJobs } from '../src/jobs/jobs.ts'
import type { TestServer } from './harness.ts'

/** Once what a server does in the background, as its runner does: each job again, until there is nothing to do. */
export async function runJobs({ app }: TestServer): Promise<void> {
  for (const job of [...jobsOf(app.services), ...ownJobs(app.services)]) while ((await job.run()) > 0);
}

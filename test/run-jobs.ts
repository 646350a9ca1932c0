import { fillingJobs, jobsOf, ownJobs } from '../src/jobs/jobs.ts'
import type { TestServer } from './harness.ts'

/** Once what a server does in the background, as its runner does: each job again, until there is nothing to do. */
export async function runJobs({ app }: TestServer): Promise<void> {
  const { services, usage } = app
  for (const job of [...jobsOf(services), ...fillingJobs(services), ...ownJobs(services, usage)])
    while ((await job.run()) > 0);
}

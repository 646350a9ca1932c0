/**
 * The environment by which a process finds what others of the run have compiled, which spares it half of its start. A killed
 * process leaves nothing there: Node writes at a graceful exit.
 */
export function compileCache(): Readonly<Record<string, string>> {
  const { NODE_COMPILE_CACHE } = process.env
  return NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }
}

/**
 * - `filling`: a backup or restore copies rows and bytes here, and was not at its end yet; the place is where they come from.
 * - `arriving`: the rows of an installation are to come here.
 * - `leaving`: nothing is written any more, while the last of it is copied.
 * - `left`: the rows are at another place now.
 * - `bytes-left`: the bytes are at another place now, and nothing is written until somebody comes who knows that place.
 * - `settled`: somebody did.
 */
export type MoveStage = 'filling' | 'arriving' | 'leaving' | 'left' | 'bytes-left' | 'settled'

/** A move of the installation as its database tells. */
export interface MoveState {
  readonly stage: MoveStage
  /** Where to, in words for the operator; of the last two where the bytes are. */
  readonly place: string
}

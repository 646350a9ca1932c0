import { describe, Failure } from '../failure.ts'

/** How sentences about a folder end where it is the one that a setting names. */
const OF_SETTING = 'choose another data folder (ENTREPOT_DATA_DIR)'

/** Tells of failures at the folder of a backup, which no setting names, in its own words. @throws whatever `work` throws */
export async function atBackup<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const sentence = describe(error, 'command')
    if (!sentence.startsWith(folder) || !sentence.includes(OF_SETTING)) throw error
    throw new Failure(sentence.replace(OF_SETTING, 'name another folder'))
  }
}

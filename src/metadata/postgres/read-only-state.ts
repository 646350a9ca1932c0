/** Raised by the triggers that shut a database while its installation moves; SQLite has a code of its own for that. */
export const READ_ONLY_STATE = 'EN001'

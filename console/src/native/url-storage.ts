/** In place of that of tus-js-client: each upload is given its own (`pages/uploads/kept.ts`). */
export const canStoreURLs = false

export class WebStorageUrlStorage {}

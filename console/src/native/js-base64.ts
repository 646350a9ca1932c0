/** In place of the package: what tus-js-client asks of it, every browser has. */
export const Base64 = {
  /** @returns the Base64 of the text in UTF-8 */
  encode(text: string): string {
    const bytes = new TextEncoder().encode(text)
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  },
}

/** In place of the package: what tus-js-client asks of it, every browser has. */
const BrowserUrl = URL

export default BrowserUrl

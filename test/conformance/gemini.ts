import { type Conformance, deviates, holds, inferred, outOfScope, testsIn } from './rule.ts'

const files = testsIn('src/dialects/gemini/files.test.ts')
const names = testsIn('src/dialects/gemini/names.test.ts')
const settings = testsIn('src/dialects/gemini/settings.test.ts')
const interrupted = testsIn('test/sdk/gemini-interrupted.suite.ts')
const sdk = testsIn('test/sdk/gemini-files.suite.ts')
const smoke = testsIn('test/sdk/gemini.test.ts')
const uploads = testsIn('src/dialects/gemini/upload/uploads.test.ts')
const whole = testsIn('src/dialects/gemini/upload/whole.test.ts')

export const gemini: Conformance = {
  dialect: 'gemini',
  clients: [
    { npm: '@google/genai', file: 'test/sdk/gemini-sdk.ts' },
    { npm: 'google-genai-2', file: 'test/sdk/gemini-sdk.ts' },
    ...['3.6.1', '2.25.0'].map((version) => ({
      name: '`google-genai` (Python)',
      version,
      file: `test/recordings/requests/python-google-genai-${version}.json`,
    })),
  ],
  sources: {
    Docs: 'ai.google.dev: the Files reference and file-input-methods of 2026',
    Protos: 'github.com/googleapis/googleapis, google/ai/generativelanguage/v1beta/file*.proto',
    Guides: 'Google’s guides to resumable uploads: Photos Library, Street View',
    SDKs: '@google/genai 2.32.0 and 3.3.0 and google-genai (Python) 2.25.0 and 3.6.1: source, and what they send',
    Seen: 'public captures and reports of the vendor’s server',
  },
  sections: [
    {
      title: 'operations',
      rules: [
        holds(
          'Get, list, delete and :download are below /v1/files and /v1beta/files',
          'SDKs',
          files('a file is shown, downloaded and deleted at …/…'),
        ),
        holds(
          'Get answers the file itself; an upload wraps it in {"file"}',
          'Protos',
          uploads('an upload in pieces is seen once it is finalized, and not before'),
        ),
        holds(
          'The SDK uploads in chunks of 8 MiB, gets, lists, downloads and deletes',
          'SDKs',
          smoke('@google/genai … uploads in chunks, gets, lists, downloads and deletes'),
        ),
        holds(
          'Delete answers {}, with a body {} or none',
          'SDKs',
          files('a file is shown, downloaded and deleted at …/…'),
        ),
        holds(
          'Uploads start at /upload/v1/files, /upload/v1beta/files and /upload/files',
          'SDKs',
          uploads('uploads start at …, and go on there'),
        ),
        holds(
          '… and at /v1beta/upload/v1beta/files, as 1.34 to 2.x send them',
          'SDKs',
          uploads('JSON without any header of the protocol starts an upload'),
        ),
        holds(
          'Clients of either version work with v1 and v1beta, at the root and below a prefix',
          'SDKs',
          sdk('@google/genai … works at …/ with the version …'),
        ),
        holds(
          'Python 3.6 and 2.25 upload, list, get, download and delete',
          'SDKs',
          testsIn('test/sdk/python-clients.ts')('python google-genai …, … calls at the root'),
        ),
        holds(
          'A path prefix of baseUrl is kept on both',
          'SDKs',
          uploads('uploads start at …, and go on there'),
        ),
        holds(
          'Neighbours on the same protocol are 404 in Google’s envelope',
          'SDKs',
          files("neighbours of the files are unknown, in the vendor's form"),
        ),
        deviates(
          'POST /v1beta/files makes a file of metadata alone',
          'Docs',
          'a file without bytes is no use to anybody here: 400',
          files('files without bytes and files of Google Cloud Storage are refused'),
        ),
        deviates(
          'files:register takes files of Google Cloud Storage',
          'Docs',
          'nothing of Google’s cloud is reached from here: 400',
          files('files without bytes and files of Google Cloud Storage are refused'),
        ),
        outOfScope(
          'Models, caches, file search stores and environments',
          'Docs',
          'they use files and are no part of the Files API',
        ),
      ],
    },
    {
      title: 'keys and headers',
      rules: [
        holds(
          'The key is in x-goog-api-key or in the query as key',
          'Docs',
          files('the key is taken from the header, the query or as a bearer token'),
        ),
        holds(
          'A bad key is 400 API_KEY_INVALID, not 401',
          'Seen',
          files('the key is taken from the header, the query or as a bearer token'),
        ),
        holds(
          'x-goog-api-key, x-goog-api-client or key= mark it on a bare /v1; /v1beta and /upload are its own',
          'SDKs',
          testsIn('test/whose-request.test.ts')(
            'every request of … at the root is answered in the form of gemini',
          ),
        ),
        holds(
          'Every request says application/json, chunks and GET too',
          'SDKs',
          uploads('an upload in pieces is seen once it is finalized, and not before'),
        ),
        holds(
          'A wrong key is an ApiError of 400, whatever is called',
          'SDKs',
          sdk('@google/genai …: a wrong key is refused everywhere'),
        ),
        inferred(
          'No key is 403 “Method doesn’t allow unregistered callers.”',
          files('the key is taken from the header, the query or as a bearer token'),
        ),
        inferred(
          'A key without the scope is 403 PERMISSION_DENIED',
          files('a key without a scope is refused'),
        ),
        inferred(
          'Pages of any origin may do it all, and read the headers of uploads',
          files('a page on another origin may do it all'),
        ),
      ],
    },
    {
      title: 'the file object',
      rules: [
        holds(
          'name, displayName, mimeType, sizeBytes as text, times, sha256Hash, uri, state and source',
          'Protos',
          files('a file is shown, downloaded and deleted at …/…'),
        ),
        holds('What is unset is left out', 'Protos', files('files of other dialects are there, too')),
        holds(
          'camelCase and snake_case are read, int64 as text or number',
          'SDKs',
          uploads('names of fields are read in both spellings, and sizes as text or number'),
        ),
        holds(
          'uri is an absolute URL on the public origin',
          'Docs',
          files('a file is shown, downloaded and deleted at …/…'),
        ),
        holds(
          'displayName has up to 512 characters, of any script',
          'Protos',
          uploads('what the metadata must not be is refused'),
        ),
        holds(
          'A file ends 48 hours after its creation',
          'Docs',
          files('a file ends after 48 hours, and answers as if it had never been'),
        ),
        holds(
          'Then it is as if it had never been',
          'Docs',
          files('a file ends after 48 hours, and answers as if it had never been'),
        ),
        holds(
          'SDKs take a whole https URI for a name; one of http ends up in the path',
          'SDKs',
          files('a whole URI stands for its name'),
        ),
        inferred(
          'A file that any other dialect made is listed, shown and downloaded',
          testsIn('test/interchange-pairs.test.ts')(
            'what … made is listed, shown and downloaded by every dialect, under every form of its id',
          ),
        ),
        inferred(
          'Names that are not chosen are 32 hexadecimal digits',
          files('a file is shown, downloaded and deleted at …/…'),
        ),
        inferred(
          'Every form of an id is a name',
          files('every form of an id is a name; what is no stored file of the key is not there'),
        ),
        inferred(
          'sha256Hash is the base64 of the 32 bytes',
          files('a file is shown, downloaded and deleted at …/…'),
        ),
        inferred(
          'The 48 hours are a setting',
          settings('files can stay for good, be shown as processing first, and uploads end sooner'),
          'ENTREPOT_GEMINI_RETENTION_HOURS',
        ),
        inferred(
          'Without a type the content decides',
          uploads(
            'the name and the type are taken from the headers where the metadata has none, or from the content',
          ),
        ),
        deviates(
          'A video is PROCESSING first',
          'Seen',
          'nothing is processed here: files are ACTIVE at once, or after as long as the operator says',
          settings('files can stay for good, be shown as processing first, and uploads end sooner'),
          'ENTREPOT_GEMINI_PROCESSING_SECONDS',
        ),
        outOfScope(
          'videoMetadata, error, source GENERATED and REGISTERED',
          'Protos',
          'the vendor’s models make such files',
        ),
      ],
    },
    {
      title: 'names that clients choose',
      rules: [
        holds(
          'A name has up to 40 characters of [a-z0-9-], with no dash at either end',
          'Protos',
          names('what is no name, or could be an id of any dialect, is refused'),
        ),
        holds(
          'files/ before it is optional',
          'SDKs',
          names('a name is what its client chose, with files/ in front or without'),
        ),
        holds(
          'A name that cannot be one is refused',
          'SDKs',
          sdk('@google/genai …: a name that cannot be one is refused'),
        ),
        holds(
          'The SDK reads a name in a URI up to its first dash',
          'SDKs',
          sdk(
            '@google/genai …: a file that a client named is found by its URI, whose dashes the SDK does not read',
          ),
        ),
        inferred(
          'A name that is taken is 409 ALREADY_EXISTS',
          names('a name that is taken is refused, from the start of an upload to the end of its file'),
        ),
        inferred('Another project may have the same name', names('another project may have the same name')),
        inferred(
          'A name that reads as any dialect’s id is 400',
          names('what is no name, or could be an id of any dialect, is refused'),
        ),
        inferred(
          'It is free again once its upload or file has ended',
          uploads('an upload ends after a day, and frees its name'),
        ),
      ],
    },
    {
      title: 'resumable upload',
      rules: [
        holds(
          'start answers 200 with X-Goog-Upload-URL, -Status: active, -Chunk-Granularity: 8388608, and no body',
          'Seen',
          uploads('a start answers with a URL that is its own credential'),
        ),
        holds(
          'The URL is absolute, and carries its own credential',
          'Seen',
          uploads('a start answers with a URL that is its own credential'),
        ),
        holds(
          'Python sends chunks without a key',
          'SDKs',
          uploads('a start answers with a URL that is its own credential'),
        ),
        holds(
          'upload at an offset answers active',
          'Docs',
          uploads('an upload in pieces is seen once it is finalized, and not before'),
        ),
        holds(
          'upload, finalize answers final and {"file"}',
          'Docs',
          uploads('an upload in pieces is seen once it is finalized, and not before'),
        ),
        holds('finalize alone needs no bytes', 'Docs', uploads('a file may be empty')),
        holds(
          'query tells how much has come',
          'Guides',
          uploads(
            'what came of a body that broke off is kept, and its client goes on there or sends it again',
          ),
        ),
        holds(
          'cancel answers cancelled',
          'Guides',
          uploads('a cancelled upload is over, and to cancel it again does no harm'),
        ),
        holds(
          'The command is a set, in any order, case and spacing',
          'SDKs',
          uploads('commands are a set, in any order, case and spacing'),
        ),
        holds(
          'Every answer of an upload’s URL has X-Goog-Upload-Status',
          'SDKs',
          uploads('every answer on the URL of an upload tells its status'),
        ),
        holds(
          'A chunk that is repeated is taken again',
          'SDKs',
          uploads('bytes that have come are taken again, and the rest of their body is new'),
        ),
        holds('An empty file is finalized with 0 bytes (Python)', 'SDKs', uploads('a file may be empty')),
        holds(
          'Name and type come from headers where the JSON has none',
          'SDKs',
          uploads(
            'the name and the type are taken from the headers where the metadata has none, or from the content',
          ),
        ),
        holds(
          'A JSON POST without a command is a start',
          'SDKs',
          uploads('JSON without any header of the protocol starts an upload'),
        ),
        deviates(
          'All chunks but the last are multiples of the granularity',
          'Guides',
          'chunks of any size are taken',
          uploads('an upload in pieces is seen once it is finalized, and not before'),
        ),
        holds(
          'multipart/related brings JSON and bytes in one request',
          'Seen',
          whole('multipart/related brings the metadata and the file in one request'),
        ),
        inferred(
          'raw, and uploadType=media, bring the bytes alone',
          whole('raw bytes are a file, of the name and type in the headers'),
        ),
        inferred(
          'What is malformed in one request is 400, too large 413',
          whole('what is malformed or too large is refused, and nothing of it stays'),
        ),
        holds(
          'A finalize that is repeated answers the same file',
          'SDKs',
          uploads('bytes that have come are taken again, and the rest of their body is new'),
        ),
        inferred(
          'The upload’s URL begins with the public address',
          settings('a URL of an upload begins with the public address, whatever a proxy takes off'),
          'ENTREPOT_PUBLIC_URL',
        ),
        inferred(
          'Without a length the upload ends where it is finalized',
          uploads('a file whose length is not told ends where it is finalized'),
        ),
        holds(
          'The SDK sends a path with its name and the type of its extension',
          'SDKs',
          sdk('@google/genai …: a file on disk is uploaded with its name, and the type of its extension'),
        ),
        holds(
          'What its config tells counts before what the path says',
          'SDKs',
          sdk('@google/genai …: what is told counts before what the path says'),
        ),
        holds(
          'Paths are Latin-1, display names any Unicode',
          'SDKs',
          sdk(
            '@google/genai …: the names that the SDK can send are kept: Latin-1 in paths, any Unicode in display names',
          ),
        ),
        holds(
          'A Blob has its own type and no name',
          'SDKs',
          sdk('@google/genai …: a Blob has no name but the one that it is given, and its own type'),
        ),
        holds(
          'Chunks are of 8,388,608 bytes',
          'SDKs',
          sdk('@google/genai …: … bytes go up in … chunks, from a path and from a Blob'),
        ),
        holds(
          'An empty file starts an upload, and TypeScript gives up by itself',
          'SDKs',
          sdk('@google/genai …: an empty file starts an upload, and the SDK gives up by itself'),
        ),
        holds(
          'Options of a single call go to /v1beta/upload/v1beta/files in 2.x',
          'SDKs',
          sdk('@google/genai …: options of a single call are honoured'),
        ),
        holds(
          'A client that asks goes on after cuts and kills',
          'Guides',
          interrupted('a client that asks where to go on uploads through cut connections and killed servers'),
        ),
        holds(
          'The SDK sends the same chunks again after cuts and kills',
          'SDKs',
          interrupted(
            '@google/genai … sends the same chunks again through cut connections to killed servers',
          ),
        ),
        inferred(
          'More or fewer bytes than declared are 400, and end the upload',
          uploads('a declared length is kept: more bytes or fewer end the upload and free what it held'),
        ),
        inferred(
          'An offset beyond what has come is 400, active, with Size-Received',
          uploads('a gap is refused and told where the upload goes on'),
        ),
        inferred(
          'Other bytes than those that have come end the upload',
          uploads('other bytes than those that have come end the upload'),
        ),
        inferred(
          'A session lives 24 hours',
          uploads('an upload ends after a day, and frees its name'),
          'ENTREPOT_GEMINI_UPLOAD_SECONDS',
        ),
        inferred(
          'Its bytes count against the quota from the start',
          uploads('an upload counts against the quota from its start, and is refused beyond it'),
        ),
      ],
    },
    {
      title: 'download and limits',
      rules: [
        holds(
          'To a strict key an upload cannot be downloaded, and has no downloadUri',
          'Docs',
          files(
            'where the key is strict, uploads cannot be downloaded and the sizes are those of the vendor',
          ),
        ),
        deviates(
          'Uploads cannot be downloaded',
          'Docs',
          'the bytes are their owner’s: downloadUri is on every file, unless the key is strict',
          files('a file is shown, downloaded and deleted at …/…'),
          'ENTREPOT_FIDELITY',
        ),
        holds(
          'To a strict key a file has 2 GB, a project 20 GB',
          'Docs',
          files(
            'where the key is strict, uploads cannot be downloaded and the sizes are those of the vendor',
          ),
        ),
        deviates(
          'A file has at most 2 GB',
          'Docs',
          'one’s own disk takes more; strict keys are held to it',
          files(
            'where the key is strict, uploads cannot be downloaded and the sizes are those of the vendor',
          ),
          'ENTREPOT_GEMINI_MAX_FILE_BYTES',
        ),
        holds(
          'A file is got, downloaded and deleted by its name, its bare name, its URI and itself',
          'SDKs',
          sdk(
            '@google/genai …: a file is got, downloaded and deleted by its name, its bare name, its URI and itself',
          ),
        ),
        inferred(
          'A file beyond the limit or the quota is refused before its bytes are sent',
          sdk('@google/genai …: a file beyond the limit, or the quota, is refused before its bytes are sent'),
        ),
        holds(
          'A download has Content-Length and no coding',
          'SDKs',
          files('a file is shown, downloaded and deleted at …/…'),
        ),
      ],
    },
    {
      title: 'list',
      rules: [
        holds(
          'pageSize is 10, at most 100',
          'Docs',
          files('pages go from the newest to the oldest file, and the last one has no token'),
        ),
        holds('The SDK pages to the end', 'SDKs', sdk('@google/genai …: lists go page by page to their end')),
        holds(
          'An empty list is {}',
          'Seen',
          files('pages go from the newest to the oldest file, and the last one has no token'),
        ),
        holds(
          'The last page has no nextPageToken, nor is any page empty',
          'SDKs',
          files('pages go from the newest to the oldest file, and the last one has no token'),
        ),
        inferred(
          'Newest first',
          files('pages go from the newest to the oldest file, and the last one has no token'),
        ),
        inferred(
          'pageSize above 100 counts as 100; below 1, or none, is 400',
          files('pages go from the newest to the oldest file, and the last one has no token'),
        ),
        inferred(
          'A bad token is 400',
          files('pages go from the newest to the oldest file, and the last one has no token'),
        ),
      ],
    },
    {
      title: 'errors',
      rules: [
        holds(
          'The envelope is error with code, message and status',
          'Seen',
          files("neighbours of the files are unknown, in the vendor's form"),
        ),
        holds(
          'An unknown, expired, deleted or foreign file is 403 PERMISSION_DENIED',
          'Seen',
          files('every form of an id is a name; what is no stored file of the key is not there'),
        ),
        holds(
          'With retryOptions 429 and 5xx are tried again, chunks too',
          'SDKs',
          sdk('@google/genai … tries again what the server could not do at once'),
        ),
        inferred(
          'An unknown upload is 404, with the status cancelled',
          uploads('every answer on the URL of an upload tells its status'),
        ),
        inferred(
          'A quota that is used up is 429 RESOURCE_EXHAUSTED',
          uploads('an upload counts against the quota from its start, and is refused beyond it'),
        ),
      ],
    },
  ],
}

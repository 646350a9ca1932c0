import { type Conformance, deviates, holds, inferred, outOfScope, testsIn } from './rule.ts'

const errors = testsIn('src/dialects/anthropic/errors.test.ts')
const fidelity = testsIn('src/dialects/anthropic/fidelity.test.ts')
const files = testsIn('src/dialects/anthropic/files.test.ts')
const list = testsIn('src/dialects/anthropic/list.test.ts')
const python = testsIn('test/sdk/python-clients.ts')
const sdkErrors = testsIn('test/sdk/anthropic-errors.suite.ts')
const sdkList = testsIn('test/sdk/anthropic-list.suite.ts')
const sdkUpload = testsIn('test/sdk/anthropic-upload.suite.ts')
const smoke = testsIn('test/sdk/anthropic.test.ts')

export const anthropic: Conformance = {
  dialect: 'anthropic',
  clients: [
    { npm: '@anthropic-ai/sdk', file: 'test/sdk/anthropic-sdk.ts' },
    { npm: 'anthropic-sdk-0', file: 'test/sdk/anthropic-sdk.ts' },
    ...['2.14.0', '1.13.0', '0.125.0'].map((version) => ({
      name: '`anthropic` (Python)',
      version,
      file: `test/recordings/requests/python-anthropic-${version}.json`,
    })),
  ],
  sources: {
    Docs: 'platform.claude.com: the guide to Files of 2026-09, and the API reference',
    SDKs: '@anthropic-ai/sdk 0.71.2 to 1.14.0 and anthropic (Python) 1.13.0 and 2.14.0: source, and what they send',
    Seen: 'public captures and reports of the vendor’s server',
  },
  sections: [
    {
      title: 'operations',
      rules: [
        holds(
          'Upload, list, retrieve, content and delete are below /v1/files',
          'Docs',
          smoke('…: a file is uploaded, found, listed, downloaded and deleted'),
        ),
        holds(
          'client.files and client.beta.files send the same requests',
          'SDKs',
          smoke('…: a file is uploaded, found, listed, downloaded and deleted'),
        ),
        holds(
          'Success is 200, for upload too',
          'Docs',
          files('a file is printed with every field of the general shape'),
        ),
        holds(
          'Delete answers {"id", "type":"file_deleted"}',
          'Docs',
          files('a deleted file is gone everywhere, and the second delete is 404'),
        ),
        holds(
          'Files belong to a workspace: every key of it reaches them',
          'Docs',
          errors(
            'a workspace is a project of the key, by id or slug, and is told with every answer about it',
          ),
        ),
        holds(
          'The query ?beta=true of older pages is ignored',
          'Docs',
          files('the beta has no expires_at, and managed agents see a scope'),
        ),
        holds(
          'A path prefix of the base URL is kept',
          'SDKs',
          sdkUpload('…: a base URL may be that of the server or the dialect'),
        ),
        inferred(
          'A second delete is 404',
          files('a deleted file is gone everywhere, and the second delete is 404'),
        ),
        outOfScope(
          'Messages, batches, skills and code execution',
          'Docs',
          'they use files and are no part of the Files API',
        ),
      ],
    },
    {
      title: 'two shapes',
      rules: [
        holds(
          'Without a beta header the answer has the general shape',
          'Docs',
          files('a file is printed with every field of the general shape'),
        ),
        holds(
          '… where expires_at is always there, null if there is none',
          'Docs',
          files('a file is printed with every field of the general shape'),
        ),
        holds(
          'files-api-2025-04-14 gets the shape of the beta, without expires_at',
          'Docs',
          files('the beta has no expires_at, and managed agents see a scope'),
        ),
        holds(
          'The header is a list of which whole items count',
          'Docs',
          files('the beta has no expires_at, and managed agents see a scope'),
        ),
        holds(
          'The list of the beta has has_more, first_id and last_id',
          'Docs',
          list('with … a list goes forwards and backwards by ids'),
        ),
        holds(
          'before_id and after_id without the beta are 400',
          'Docs',
          list('before_id and after_id are of the beta alone'),
        ),
        holds(
          'managed-agents-2026-04-01 gets the general shape, takes ids to page by, and shows scope',
          'Docs',
          list('managed agents take ids of files, or a cursor, and not both'),
        ),
        holds(
          'Later versions of managed agents get the general shape',
          'Docs',
          files('the beta has no expires_at, and managed agents see a scope'),
        ),
        holds(
          'The beta needs a Content-Type on the part of the file',
          'Docs',
          fidelity('to a strict key the beta wants to be told the type of a file'),
        ),
        deviates(
          'The list of the beta has no next_page',
          'Docs',
          'an SDK of today that asks for the beta would stop after one page; a strict key gets the beta’s own shape',
          list('the beta also has the cursor, so that SDKs of today come to the end'),
          'ENTREPOT_FIDELITY',
        ),
        outOfScope(
          'Filtering by scope_id, and scopes that are not null',
          'Docs',
          'scopes belong to sessions of managed agents, which are not served',
        ),
      ],
    },
    {
      title: 'headers',
      rules: [
        holds(
          'x-api-key and Authorization: Bearer both carry the key',
          'SDKs',
          errors('… … takes a key in either header, and asks for it before anything else'),
        ),
        holds(
          'Python 2.14 sends the key as Bearer, without x-api-key',
          'SDKs',
          python('python anthropic 2.14.0, … calls at the root'),
        ),
        holds(
          'Python 1.13 sends it as X-Api-Key, with anthropic-version 2023-06-01',
          'SDKs',
          python('python anthropic 1.13.0, … calls at the root'),
        ),
        holds(
          'Python 0.125 sends the header of the beta',
          'SDKs',
          python('python anthropic 0.125.0, … calls at the root'),
        ),
        holds(
          'An auth token goes as Bearer',
          'SDKs',
          sdkUpload('…: a key goes as an API key or as an auth token'),
        ),
        holds(
          'Any anthropic-version is taken, and none',
          'Docs',
          errors('a request at the root is this vendor’s by any of its marks'),
        ),
        holds(
          'anthropic-workspace-id names a workspace of the key, and comes back',
          'Docs',
          sdkUpload('…: a workspace is a project of the key'),
        ),
        holds(
          'Every answer has request-id, and errors repeat it as request_id',
          'Docs',
          errors('every answer has a request id, which errors repeat'),
        ),
        holds(
          'Python deletes with a JSON type and no body',
          'SDKs',
          files('a DELETE as Python sends it, JSON declared and no body, deletes'),
        ),
        holds(
          'anthropic-version, anthropic-beta or x-api-key mark it on a bare /v1',
          'SDKs',
          testsIn('test/whose-request.test.ts')(
            'every request of … at the root is answered in the form of anthropic',
          ),
        ),
        holds(
          'dangerouslyAllowBrowser adds a header that is taken',
          'SDKs',
          sdkErrors('…: the SDK may be told that it runs in a browser'),
        ),
        holds(
          'Pages in a browser call with the SDK’s headers',
          'SDKs',
          sdkErrors('…: a page in a browser may call, with the SDK’s own headers'),
        ),
      ],
    },
    {
      title: 'upload',
      rules: [
        holds(
          'file is required',
          'Docs',
          errors('an upload without its file, or that is no form, is 400 and leaves nothing'),
        ),
        holds(
          'expires_in_seconds goes from 3,600 to 7,776,000',
          'Docs',
          files(
            'expires_in_seconds is an hour to ninety days, before the file or behind it, empty or absent for good',
          ),
        ),
        holds(
          'It comes before the file or behind it',
          'SDKs',
          files(
            'expires_in_seconds is an hour to ninety days, before the file or behind it, empty or absent for good',
          ),
        ),
        holds(
          'A part without a filename is bytes, whatever its type',
          'SDKs',
          files('a part called file is bytes, with a filename or without'),
        ),
        holds('Only the last component of a filename is kept', 'Docs', files('a file named … is called …')),
        holds(
          'Without a filename it is unnamed, with the extension of its type',
          'Docs',
          files('a part … of type … becomes …'),
        ),
        holds('The type of a part is optional, and detected', 'Docs', files('a part … of type … becomes …')),
        holds(
          'A file comes as a path, a stream, a Buffer, an array, a File or a Response',
          'SDKs',
          sdkUpload('…: a file may come as any kind of source'),
        ),
        holds(
          'A Blob or bytes without a name keep their bytes',
          'SDKs',
          sdkUpload('…: what has no name keeps its bytes'),
        ),
        holds('Names are UTF-8, with %22 for a quote', 'SDKs', sdkUpload('…: a name is data')),
        holds(
          'Large files come from memory and from streams',
          'SDKs',
          sdkUpload('…: 20 MiB come back as they went, from memory and from a stream'),
        ),
        holds(
          'To a strict key a file has at most 500 MB: 413',
          'Docs',
          fidelity('a strict key’s file has at most 500 MB'),
        ),
        holds(
          'To a strict key an organization has at most 1 TB: 400 storage_quota_exceeded',
          'Docs',
          fidelity('a strict key’s organization has at most 1 TB'),
        ),
        deviates(
          'A file has at most 500 MB',
          'Docs',
          'one’s own disk takes more; strict keys are held to it',
          files('a form in pieces of one byte is received like any other'),
          'ENTREPOT_ANTHROPIC_MAX_FILE_BYTES',
        ),
        deviates(
          'The guide refuses names with < > : " | ? * and longer than 255',
          'Docs',
          'the reference has up to 500 characters, and the vendor’s server is seen to take the others',
          files('a file named … is called …'),
        ),
        inferred(
          'Control characters are dropped from names; more than 500 characters are 400',
          files('a name of more than 500 characters is refused, and nothing of the file stays'),
        ),
        inferred(
          'Without type and name the content decides, else application/octet-stream',
          files('a part … of type … becomes …'),
        ),
        inferred('An empty file is a file', files('an empty file is a file')),
        inferred('500 MB are 500 · 1024²', fidelity('a strict key’s file has at most 500 MB')),
      ],
    },
    {
      title: 'the file object',
      rules: [
        holds(
          'type, id, filename, mime_type, size_bytes, created_at and downloadable are always there',
          'Docs',
          sdkUpload('…: every field is there, in the shape that was asked for'),
        ),
        holds(
          'created_at is RFC 3339 with microseconds and Z',
          'Seen',
          files('a file is printed with every field of the general shape'),
        ),
        holds(
          'Ids begin with file_',
          'Docs',
          files('a file is printed with every field of the general shape'),
        ),
        inferred(
          'A file that any other dialect made is listed, shown and downloaded',
          testsIn('test/interchange-pairs.test.ts')(
            'what … made is listed, shown and downloaded by every dialect, under every form of its id',
          ),
        ),
        inferred(
          'An id is file_ and 32 hexadecimal digits',
          testsIn('src/dialects/file-ids.test.ts')(
            'an id that is new has the shape of each form and is read back from it',
          ),
        ),
      ],
    },
    {
      title: 'content and expiry',
      rules: [
        holds(
          'Content is the bytes',
          'Docs',
          files('content is sent whole, in ranges, and not again if it is known'),
        ),
        holds(
          'To a strict key an upload is not downloadable: 400 file_not_downloadable',
          'Docs',
          fidelity('to a strict key nothing that was uploaded is downloadable'),
        ),
        deviates(
          'Content of an upload is refused',
          'Docs',
          'the bytes are their owner’s: downloadable is true, unless the key is strict',
          fidelity('to a strict key nothing that was uploaded is downloadable'),
          'ENTREPOT_FIDELITY',
        ),
        holds(
          'expires_at is created_at and expires_in_seconds, fixed at upload',
          'Docs',
          files(
            'expires_in_seconds is an hour to ninety days, before the file or behind it, empty or absent for good',
          ),
        ),
        holds(
          'Content of an expired file is 404 file_expired',
          'Docs',
          files('an expired file is gone, and its content says that it has expired while that is known'),
        ),
        deviates(
          'An expired file is retrieved and listed for up to 30 days more',
          'Docs',
          'a file that has ended is gone in every dialect at once; only its content tells file_expired, while the row is known',
          sdkErrors('…: what is not there is a NotFoundError, what has expired a FileExpiredError'),
        ),
        inferred(
          'Content has the type and the name of the file, as an attachment',
          files('a part … of type … becomes …'),
        ),
      ],
    },
    {
      title: 'list',
      rules: [
        holds(
          'Newest first, 20 to a page',
          'Docs',
          list('a page is of 20 files unless it is told otherwise'),
        ),
        holds(
          'limit goes from 1 to 1000',
          'Docs',
          list('a limit is a whole number from 1 to 1000, given once'),
        ),
        holds(
          'next_page leads to the end, and is null there',
          'SDKs',
          list('the general list is newest first, with a cursor to the end'),
        ),
        holds('A cursor begins with page_', 'Docs', list('a text that is no cursor is refused')),
        holds(
          'TypeScript pages to the end, at any size',
          'SDKs',
          sdkList('…: pages of any size come to the end, newest first'),
        ),
        holds(
          'ids[] finds up to 100 files on one page with next_page null',
          'Docs',
          list('ids are looked up on one page, the unknown, foreign and deleted left out'),
        ),
        holds(
          '… and goes with neither page nor limit',
          'Docs',
          list('a hundred different ids are the most, and go with no paging'),
        ),
        holds(
          'The beta goes forwards by after_id and backwards by before_id',
          'SDKs',
          sdkList('0.71.2 walks backwards from an id, and forwards from one'),
        ),
        holds(
          'null is sent as an empty value, and is none',
          'SDKs',
          sdkList('null stands for what is not given'),
        ),
        holds(
          'Files that are deleted meanwhile cost no others',
          'Seen',
          sdkList('…: a file that is deleted while its page is the last one loses no other'),
        ),
        inferred('A bad cursor is 400', list('a text that is no cursor is refused')),
        inferred(
          'A cursor is good in its own project, also after its file was deleted',
          list('a cursor is good after the file that it names was deleted, and in no other project'),
        ),
        inferred(
          'Files of one moment are listed once each',
          list('files of one millisecond are listed once each'),
        ),
        inferred(
          'ids=a is read as ids[]=a',
          list('ids are looked up on one page, the unknown, foreign and deleted left out'),
        ),
      ],
    },
    {
      title: 'errors',
      rules: [
        holds(
          'The envelope is type, error with type and message, and request_id',
          'Docs',
          errors(
            'an address that is not there is 404, and a method that is not taken 405, in the vendor’s envelope',
          ),
        ),
        holds(
          'details.error_code is there where there is a code',
          'SDKs',
          errors('a quota that is used up is 400 with its code'),
        ),
        holds(
          'The SDK’s classes follow: FileExpiredError, FileNotDownloadableError, StorageQuotaExceededError',
          'SDKs',
          sdkErrors('…: a quota that is used up is a StorageQuotaExceededError'),
        ),
        holds(
          'Other refusals are of the class of their status',
          'SDKs',
          sdkErrors('…: other refusals are of the class of their status'),
        ),
        holds(
          'An unknown file is 404 “File `…` not found.”',
          'Docs',
          files('a deleted file is gone everywhere, and the second delete is 404'),
        ),
        holds(
          'A file that is too large is 413 request_too_large',
          'Docs',
          errors('a file of the limit fits, one byte more is too large'),
        ),
        holds(
          '429 rate_limit_error with retry-after',
          'Docs',
          errors('a key without the scope is 403, and one beyond its rate 429 with a time'),
        ),
        holds(
          '529 overloaded_error, 504 timeout_error, 500 api_error',
          'Docs',
          errors('a store that is … is …'),
        ),
        holds(
          '408, 409, 429 and 5xx are repeated, streams too',
          'SDKs',
          sdkErrors('…: an upload is repeated while the store is away, also one from a stream'),
        ),
        holds(
          '5xx is of the class of its status, after two more tries',
          'SDKs',
          sdkErrors('…: trouble of the server is of the class of its status, and told after two more tries'),
        ),
        holds(
          '429 that stays is a RateLimitError',
          'SDKs',
          sdkErrors('…: a rate that stays used up is a RateLimitError'),
        ),
        holds(
          'retry-after is obeyed',
          'SDKs',
          sdkErrors('…: a request beyond the rate is repeated after the time that it is told'),
        ),
        holds(
          'x-should-retry: false ends retries',
          'SDKs',
          sdkErrors('…: a store without space is overloaded, and nobody tries again'),
        ),
        deviates(
          'About 500 calls a minute are allowed',
          'Docs',
          'one limit holds for all APIs of this server, by organization',
          errors('a key without the scope is 403, and one beyond its rate 429 with a time'),
          'ENTREPOT_RATE_LIMITS',
        ),
        inferred(
          'A key without the scope is 403 permission_error',
          errors('a key without the scope is 403, and one beyond its rate 429 with a time'),
        ),
        inferred(
          'Other parts are ignored; a second file is 400',
          errors('an upload without its file, or that is no form, is 400 and leaves nothing'),
        ),
        inferred(
          'A store without room is 529 with x-should-retry: false',
          errors('a store that is full is 529'),
        ),
        inferred(
          'An upload without its part is 400 “file: Field required”',
          errors('an upload without its file, or that is no form, is 400 and leaves nothing'),
        ),
        outOfScope('402 billing_error', 'SDKs', 'nothing is billed'),
      ],
    },
  ],
}

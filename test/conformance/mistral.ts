import { type Conformance, deviates, holds, inferred, outOfScope, testsIn } from './rule.ts'

const content = testsIn('src/dialects/mistral/content.test.ts')
const errors = testsIn('src/dialects/mistral/errors.test.ts')
const list = testsIn('src/dialects/mistral/list.test.ts')
const sdkErrors = testsIn('test/sdk/mistral-errors.suite.ts')
const sdkList = testsIn('test/sdk/mistral-list.suite.ts')
const sdkUpload = testsIn('test/sdk/mistral-upload.suite.ts')
const smoke = testsIn('test/sdk/mistral.test.ts')
const strict = testsIn('src/dialects/mistral/strict.test.ts')
const upload = testsIn('src/dialects/mistral/upload.test.ts')

export const mistral: Conformance = {
  dialect: 'mistral',
  clients: [
    { npm: '@mistralai/mistralai', file: 'test/sdk/mistral-sdk.ts' },
    { npm: 'mistralai-1', file: 'test/sdk/mistral-sdk.ts' },
    ...['3.7.0', '1.12.4'].map((version) => ({
      name: '`mistralai` (Python)',
      version,
      file: `test/recordings/requests/python-mistralai-${version}.json`,
    })),
  ],
  sources: {
    OpenAPI: 'github.com/mistralai/platform-docs-public, openapi.yaml of 1.7.7',
    Docs: 'docs.mistral.ai: known limitations, glossary of errors, guides to OCR and batches',
    SDKs: '@mistralai/mistralai 1.10.0 and 2.7.0 and mistralai (Python) 3.7.0: source, and what they send and check',
    Seen: 'public captures and reports of the vendor’s server',
  },
  sections: [
    {
      title: 'operations',
      rules: [
        holds(
          'Upload, list, retrieve, delete, content and url are below /v1/files',
          'OpenAPI',
          smoke(
            '@mistralai/mistralai … uploads, finds, reads, links and deletes a file, on the bare path as below /mistral',
          ),
        ),
        holds(
          'Success is exactly 200, with a JSON type',
          'SDKs',
          smoke(
            '@mistralai/mistralai … uploads, finds, reads, links and deletes a file, on the bare path as below /mistral',
          ),
        ),
        holds(
          'Delete answers {"id", "object":"file", "deleted":true}',
          'OpenAPI',
          content('a deleted file is gone in every way, and says so once'),
        ),
        holds(
          'Python 3.7 sends its parts with the file last, and every parameter of a list',
          'SDKs',
          testsIn('test/sdk/python-clients.ts')('python mistralai 3.7.0, … calls at the root'),
        ),
        holds(
          'Python 1.12 calls the same',
          'SDKs',
          testsIn('test/sdk/python-clients.ts')('python mistralai 1.12.4, … calls at the root'),
        ),
        holds(
          'A path prefix of serverURL is kept',
          'SDKs',
          smoke(
            '@mistralai/mistralai … uploads, finds, reads, links and deletes a file, on the bare path as below /mistral',
          ),
        ),
        holds(
          'The user agent, /url, the query or the accepted type mark it on a bare /v1',
          'SDKs',
          testsIn('test/whose-request.test.ts')(
            'every request of … at the root is answered in the form of mistral',
          ),
        ),
        holds(
          'The empty cookie that the SDK sends is ignored',
          'SDKs',
          upload('the empty cookie that the SDK sends is no credential and no mistake'),
        ),
        inferred('A second delete is 404', content('a deleted file is gone in every way, and says so once')),
        holds(
          'User agent, cookie, /url, query, accepted type and UUID are its marks',
          'SDKs',
          testsIn('src/dialects/mistral/api.test.ts')('a request with … is … its own'),
        ),
        inferred(
          'Pages of other origins call with a key',
          testsIn('src/dialects/mistral/api.test.ts')(
            'pages of other origins may upload and read with a key',
          ),
        ),
        outOfScope(
          'OCR, batches, fine-tuning, libraries and agents',
          'OpenAPI',
          'they use files and are no part of the Files API',
        ),
      ],
    },
    {
      title: 'the file object',
      rules: [
        holds(
          'Every field that the SDKs check is there, and none of those is null',
          'SDKs',
          upload('a file is shown with every field, and no null where the SDKs refuse it'),
        ),
        holds(
          'deleted is there on retrieve',
          'SDKs',
          upload('a file is shown with every field, and no null where the SDKs refuse it'),
        ),
        holds(
          'Ids are UUIDs',
          'OpenAPI',
          upload('a file is shown with every field, and no null where the SDKs refuse it'),
        ),
        holds(
          'created_at and expires_at are whole seconds',
          'SDKs',
          upload('a file ends its hours after it was made, to the second, and is gone then'),
        ),
        holds(
          'sample_type of batch is batch_request, of fine-tune instruct, of ocr ocr_input',
          'Seen',
          upload('any purpose is printed, and one that is left out is told by the name'),
        ),
        holds(
          'num_lines counts the lines of JSON Lines',
          'OpenAPI',
          upload('lines are counted while JSON Lines come in, wherever the chunks are cut, and nowhere else'),
        ),
        holds(
          'A live upload shows num_lines 0, source upload and visibility workspace',
          'Seen',
          upload('a file is shown with every field, and no null where the SDKs refuse it'),
        ),
        inferred(
          'A file that any other dialect made is listed, shown and downloaded',
          testsIn('test/interchange-pairs.test.ts')(
            'what … made is listed, shown and downloaded by every dialect, under every form of its id',
          ),
        ),
        inferred(
          'signature is the MD5 in hexadecimal',
          upload('a file is shown with every field, and no null where the SDKs refuse it'),
        ),
        inferred(
          'sample_type of audio is audio',
          upload('any purpose is printed, and one that is left out is told by the name'),
        ),
        inferred(
          'A file of another dialect has its lines uncounted, and its MD5 on retrieve',
          list(
            'a file that another dialect made is shown whole, its lines uncounted and its MD5 on retrieve',
          ),
        ),
        outOfScope(
          'sample_type batch_result and batch_error, source mistral and repository',
          'OpenAPI',
          'the vendor’s jobs make such files',
        ),
      ],
    },
    {
      title: 'upload',
      rules: [
        holds('file is required', 'OpenAPI', upload('what is no form has no file')),
        holds(
          'purpose, expiry and visibility are optional',
          'OpenAPI',
          sdkUpload('…: expiry and visibility are kept; null and absence are no expiry'),
        ),
        holds(
          'The parts come in any order',
          'SDKs',
          upload('all that is wrong with the fields is told at once, and nothing is kept'),
        ),
        holds(
          'A file comes as bytes, a Blob, a File or a stream',
          'SDKs',
          sdkUpload('…: every way to hand over a file keeps its bytes, its name and its type'),
        ),
        holds('Names are raw UTF-8', 'SDKs', sdkUpload('…: names in any script are kept')),
        holds(
          'Unknown purposes pass',
          'SDKs',
          sdkUpload('…: any purpose is taken and printed, and none is told by the name'),
        ),
        holds(
          'To a strict key a file has at most 512 MB: 413',
          'Docs',
          strict('a strict key may send no empty file, and none above 512 MiB'),
        ),
        holds(
          'To a strict key fine-tune takes .jsonl alone, ocr PDF and images: 422',
          'OpenAPI',
          strict('a strict key is refused what the vendor refuses, and nothing of it is kept'),
        ),
        deviates(
          'A file has at most 512 MB',
          'OpenAPI',
          'one’s own disk takes more; strict keys are held to it',
          sdkUpload('…: one byte more than the limit is refused, and nothing of it is there'),
          'ENTREPOT_MISTRAL_MAX_FILE_BYTES',
        ),
        deviates(
          'Types are refused by purpose',
          'OpenAPI',
          'the bytes are their owner’s; strict keys are held to it',
          strict('an open key may do all of that'),
          'ENTREPOT_FIDELITY',
        ),
        inferred(
          'Without a purpose .jsonl is fine-tune, all else ocr',
          upload('any purpose is printed, and one that is left out is told by the name'),
        ),
        inferred(
          'An empty file is taken, from a strict key 422',
          strict('a strict key may send no empty file, and none above 512 MiB'),
          'ENTREPOT_FIDELITY',
        ),
        inferred(
          'A name is the last component; without one it is made of id and type',
          upload(
            'a name is the last part of what was sent, in any script; without one it is made of id and type',
          ),
        ),
        inferred(
          'All that is wrong with the fields is told at once',
          upload('all that is wrong with the fields is told at once, and nothing is kept'),
        ),
        outOfScope(
          'A batch has at most 100,000 requests, an audio file 60 minutes',
          'Docs',
          'the vendor’s jobs check it when they run',
        ),
      ],
    },
    {
      title: 'expiry and visibility',
      rules: [
        holds(
          'expiry null or absent: the file does not end',
          'Seen',
          sdkUpload('…: expiry and visibility are kept; null and absence are no expiry'),
        ),
        deviates(
          'Uploads are kept for 30 days',
          'Docs',
          'the vendor’s own answers show no end; the operator may set one',
          upload('the operator decides what a unit of expiry is, and when files end that name none'),
          'ENTREPOT_MISTRAL_RETENTION_HOURS',
        ),
        inferred(
          'expiry is in hours',
          upload('a file ends its hours after it was made, to the second, and is gone then'),
          'ENTREPOT_MISTRAL_EXPIRY_UNIT_SECONDS',
        ),
        inferred(
          'After it the file is 404 and in no list',
          upload('a file ends its hours after it was made, to the second, and is gone then'),
        ),
        inferred(
          'visibility user hides a file from other subjects; admins see it',
          testsIn('test/hidden-files.test.ts')(
            'a file that was uploaded with the visibility user is met through … by its user and admins, and by nobody else',
          ),
        ),
      ],
    },
    {
      title: 'list',
      rules: [
        holds(
          'Without a query: all files, the first hundred',
          'SDKs',
          sdkList('…: a list without an argument has all files, the newest first'),
        ),
        holds(
          'page is zero-based; page_size is 100',
          'OpenAPI',
          list('pages follow each other by number, and the total tells where they end'),
        ),
        holds(
          'total counts all pages; object is list',
          'OpenAPI',
          sdkList('…: pages lead to the total, each file once'),
        ),
        holds(
          'A page past the end is empty',
          'OpenAPI',
          list('pages follow each other by number, and the total tells where they end'),
        ),
        holds(
          'sample_type, source and mimetypes are repeated keys',
          'SDKs',
          list('filters are repeated keys, of which any may fit, and all filters have to'),
        ),
        holds('purpose filters by what is printed', 'OpenAPI', list('a filter finds what is printed')),
        holds(
          'search finds names',
          'OpenAPI',
          list('search finds a part of the name, whatever the case of its letters'),
        ),
        holds(
          'include_total=false: no total',
          'OpenAPI',
          sdkList(
            '…: types filter the list, exactly or all of a kind, and the total is told only if asked for',
          ),
        ),
        inferred('Newest first', list('a list without a query has all, the newest first, with their number')),
        inferred(
          'page_size goes from 1 to 1000, else 422',
          list('a query that is wrong is told in each of its fields'),
          'ENTREPOT_MISTRAL_MAX_PAGE_SIZE',
        ),
        inferred(
          'mimetypes are exact, or all of a kind as image/*',
          sdkList(
            '…: types filter the list, exactly or all of a kind, and the total is told only if asked for',
          ),
        ),
        inferred(
          'search is a part of the name in any case',
          list('search finds a part of the name, whatever the case of its letters'),
        ),
        inferred('The SDK’s filters find what is printed', sdkList('…: each filter finds what is printed')),
      ],
    },
    {
      title: 'content and url',
      rules: [
        holds(
          'Content is 200 and application/octet-stream, whatever the file is',
          'SDKs',
          content('content is the very bytes, as an octet stream and 200, whatever the file is'),
        ),
        holds(
          'url lives 24 hours by default, 1 to 168 by expiry',
          'OpenAPI',
          content('the life of a URL is a whole number of hours from 1 to 168'),
        ),
        holds(
          'It needs no key',
          'OpenAPI',
          content('a URL needs no key and has the real type; it ends with its hours, and with its file'),
        ),
        holds(
          'The SDK’s URL lives as long as was asked for',
          'SDKs',
          sdkUpload('…: a URL lives as long as was asked for'),
        ),
        inferred(
          'It serves the real type, and is 404 once the file is deleted',
          content('a URL needs no key and has the real type; it ends with its hours, and with its file'),
        ),
        inferred(
          'A client that asks content for a range gets 206',
          content('a client that asks for a range gets it'),
        ),
        inferred(
          'expiry beyond its bounds is 422',
          content('the life of a URL is a whole number of hours from 1 to 168'),
        ),
      ],
    },
    {
      title: 'errors',
      rules: [
        holds(
          '401 {"detail":"Unauthorized"}',
          'Seen',
          errors('a key that is absent or wrong is 401, in the vendor’s words'),
        ),
        holds(
          'An unknown route is 404 {"detail":"Not Found"}',
          'Seen',
          errors('an address where nothing is is 404, a method that is not taken 405'),
        ),
        holds(
          '422 is a list of type, loc and msg',
          'OpenAPI',
          list('a query that is wrong is told in each of its fields'),
        ),
        holds('400 has the flat object error', 'Docs', errors('a form that breaks off in its middle is 400')),
        holds(
          '429 rate_limit_error with Retry-After',
          'Docs',
          errors('too many requests are told when to come again'),
        ),
        holds(
          '500 server_error',
          'Docs',
          errors('our own trouble is 500 or 503 in the flat shape, without its cause'),
        ),
        holds(
          '413 for a file that is too large',
          'Docs',
          upload('a file of the limit fits; one byte more is refused, announced or not'),
        ),
        holds(
          'Every failure is an SDKError with status and body',
          'SDKs',
          sdkErrors('…: a wrong key is an SDKError of 401 with the vendor’s body'),
        ),
        holds(
          'The SDK repeats nothing unless told, then 429 and 5xx',
          'SDKs',
          sdkErrors('…: with a strategy it tries again, after the time that it is told, and comes through'),
        ),
        holds(
          'Without a strategy nothing is tried again',
          'SDKs',
          sdkErrors('…: nothing is tried again unless the caller says so'),
        ),
        inferred(
          'An unknown, foreign, deleted or expired file is 404 “File not found”',
          errors('a file that is unknown or another’s is 404; a text that is no id of any dialect is 422'),
        ),
        inferred(
          'A text that is no id is 422',
          sdkErrors('…: a text that is no id, and a page that is none, are told as FastAPI does'),
        ),
        inferred(
          'A key without the scope is 403 in the flat shape',
          sdkErrors('…: what a key may not do is 403 in the flat shape'),
        ),
        inferred('A quota that is used up is 402', errors('a quota that is used up is 402')),
        inferred(
          'Retry-After is in whole seconds, and the SDK obeys it',
          sdkErrors('…: our own 429 tells when to come again'),
          'ENTREPOT_RATE_LIMITS',
        ),
      ],
    },
  ],
}

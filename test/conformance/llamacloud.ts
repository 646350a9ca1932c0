import { type Conformance, deviates, holds, inferred, outOfScope, testsIn } from './rule.ts'

const base = testsIn('test/base-url.test.ts')
const content = testsIn('test/sdk/llamacloud-content.test.ts')
const create = testsIn('test/sdk/llamacloud-create.test.ts')
const curl = testsIn('src/dialects/llamacloud/curl.test.ts')
const download = testsIn('src/transfer/download.test.ts')
const errors = testsIn('src/dialects/llamacloud/errors.test.ts')
const expiry = testsIn('src/dialects/llamacloud/expiry.test.ts')
const fromUrl = testsIn('src/dialects/llamacloud/v1/from-url.test.ts')
const list = testsIn('test/sdk/llamacloud-list.test.ts')
const malformed = testsIn('src/dialects/llamacloud/malformed.test.ts')
const names = testsIn('src/dialects/llamacloud/names.test.ts')
const openapi = testsIn('src/dialects/llamacloud/openapi.test.ts')
const recorded = testsIn('src/dialects/llamacloud/v1/recorded.test.ts')
const requests = testsIn('src/dialects/llamacloud/requests.test.ts')
const sdkErrors = testsIn('test/sdk/llamacloud-errors.test.ts')
const session = testsIn('src/dialects/llamacloud/session.test.ts')
const settings = testsIn('src/dialects/llamacloud/settings.test.ts')
const types = testsIn('src/dialects/llamacloud/types.test.ts')
const uploads = testsIn('src/dialects/llamacloud/v1/uploads.test.ts')

export const llamacloud: Conformance = {
  dialect: 'llamacloud',
  clients: [
    { npm: '@llamaindex/llama-cloud', file: 'test/sdk/llamacloud-sdk.ts' },
    { name: '`llama-cloud` (Python)', version: '2.19.0' },
    {
      name: '`llama-cloud` (Python), first version of the API',
      version: '0.1.46',
      file: 'src/dialects/llamacloud/v1/recorded.test.ts',
    },
    {
      name: '`llama-cloud-services` (Python)',
      version: '0.6.94',
      file: 'src/dialects/llamacloud/v1/recorded.test.ts',
    },
  ],
  sources: {
    OpenAPI: 'OpenAPI “Llama Platform” 0.1.0 of 2026, github.com/api-evangelist/llamaparse',
    'OpenAPI 2025': 'the OpenAPI of 2025 in github.com/run-llama/LlamaIndexTS',
    Docs: 'developers.llamaindex.ai and developers.api.llamaindex.ai',
    SDKs: '@llamaindex/llama-cloud 1.6 to 2.16, llama-cloud 2.4, and the Go SDK and command line',
    Issues: 'github.com/run-llama/llama_cloud_services, issues 71, 418 and 539',
    'Python 0.1': 'llama-cloud 0.1.0, 0.1.20, 0.1.46 and llama-cloud-services 0.6.94',
  },
  sections: [
    {
      title: 'operations',
      rules: [
        holds(
          'Create, list, retrieve, content, delete and query are below /api/v1/beta/files',
          'OpenAPI',
          openapi('the description lists every operation and nothing else'),
        ),
        holds(
          'Each has the parameters, fields and statuses of the schema',
          'OpenAPI',
          openapi('the description of … has its parameters, fields and answers'),
        ),
        holds(
          'Create answers 201',
          'OpenAPI',
          openapi('the description of post /api/v1/beta/files has its parameters, fields and answers'),
        ),
        holds(
          'Delete answers 204 without a body',
          'OpenAPI',
          content('deleting answers nothing, the second time 404'),
        ),
        holds(
          'content answers where the bytes are, not the bytes',
          'OpenAPI',
          content('a link gives the bytes with and without a bearer header, whole or in part'),
        ),
        holds(
          'project_id and organization_id are optional in the query of every operation',
          'OpenAPI',
          openapi('the description of … has its parameters, fields and answers'),
        ),
        holds(
          'A cookie named session stands in for the key',
          'OpenAPI',
          session('a session does all that its key may, without a header'),
        ),
        holds(
          'A path prefix of the base URL is kept',
          'SDKs',
          sdkErrors('the base URL may have the dialect as a prefix'),
        ),
        inferred(
          'A bearer header wins over the cookie',
          session('a bearer header wins over the cookie, a wrong one too'),
        ),
        inferred(
          'A session lasts twelve hours',
          session('a session is over when its time is, to the second'),
          'ENTREPOT_LLAMACLOUD_SESSION_SECONDS',
        ),
        inferred(
          'Other methods are 405',
          errors('… … is not allowed, with or without a key, here and below the prefix'),
        ),
        inferred(
          'GET /api/v1/beta/files/query is a retrieve of no id: 422',
          content('what is no id is refused with its place'),
        ),
        outOfScope(
          'Parsing, extraction, indexes, directories and agents',
          'Docs',
          'they work on files and are no part of the Files API; the one exception is the list of projects, for the index helper',
        ),
      ],
    },
    {
      title: 'create',
      rules: [
        holds(
          'The form has file, purpose and external_file_id',
          'OpenAPI',
          create('every field of the answer is there, nulls included'),
        ),
        holds(
          'Each documented purpose is taken and given back',
          'OpenAPI',
          create('the purpose … is taken and given back'),
        ),
        holds(
          'A missing purpose is 422 with its place',
          'OpenAPI',
          malformed('everything that is wrong with the fields is told at once'),
        ),
        holds(
          'A missing file is 422 with its place',
          'OpenAPI',
          malformed('a form without parts, and no body at all, lack the file and the purpose'),
        ),
        holds(
          'The parts come in any order',
          'SDKs',
          malformed(
            'a form comes to the same in any order and any pieces; of a field sent twice the last counts',
          ),
        ),
        holds(
          'The printed curl command works, file first',
          'Docs',
          curl('the very bytes that curl sends for … make the documented file'),
        ),
        holds(
          '… and so does its literal purpose',
          'Docs',
          curl(
            'the very bytes of the printed command, whose purpose is the word purpose, make a file that is kept',
          ),
        ),
        holds(
          'The file is at most 512 MB',
          'Docs',
          create('a file of the limit fits, one byte more is told the limit'),
        ),
        holds(
          'The file must not be empty',
          'Docs',
          create('an empty file and an unknown purpose are refused'),
        ),
        holds(
          'A form that cannot be parsed is 400 “There was an error parsing the body”',
          'Issues',
          malformed('… is an error parsing the body'),
        ),
        inferred(
          '512 MB are 536,870,912 bytes; more is 413 with the limit in its text',
          malformed('a file over the limit is told the limit, announced or chunked'),
          'ENTREPOT_LLAMACLOUD_MAX_FILE_BYTES',
        ),
        inferred(
          'An empty file is 400',
          create('an empty file and an unknown purpose are refused'),
          'ENTREPOT_LLAMACLOUD_EMPTY_FILES',
        ),
        inferred(
          'Another purpose is 422',
          curl('a purpose that nobody documents is refused'),
          'ENTREPOT_LLAMACLOUD_ANY_PURPOSE',
        ),
        inferred(
          'Other parts are ignored',
          malformed('parts that the operation does not know are ignored, however many, large or named'),
        ),
        inferred(
          'A body that is no form is 415',
          errors('a create that is no form is 415, a query that is no JSON 415 or 400'),
        ),
        inferred(
          'Of a field that is sent twice the last counts',
          malformed(
            'a form comes to the same in any order and any pieces; of a field sent twice the last counts',
          ),
        ),
        deviates(
          'A part named file without a filename is no file: 422',
          'OpenAPI',
          'the Python SDK sends bytes so, and its users mean a file; it is named by its id and type',
          malformed(
            'a part named file is the file, with or without a filename; without one it is named by its id and type',
          ),
        ),
        inferred(
          'Any type of file is stored',
          types('a file data.xyz123 of application/octet-stream has an extension that no table knows'),
        ),
        inferred(
          'What a refused create sent is not kept',
          errors('whatever a create is refused for, nothing of it stays'),
        ),
      ],
    },
    {
      title: 'the file object',
      rules: [
        holds(
          'Every field is there, with null where it has no value',
          'OpenAPI',
          create('every field of the answer is there, nulls included'),
        ),
        holds(
          'The fields are those of FileV2, and no others',
          'OpenAPI',
          openapi('the fields that are described are those that are answered'),
        ),
        holds(
          'Ids look like dfl-<uuid>',
          'Docs',
          content('retrieve shows the file by any form of its id, with a link only when asked'),
        ),
        holds(
          'A bare UUID is taken, too',
          'OpenAPI',
          content('retrieve shows the file by any form of its id, with a link only when asked'),
        ),
        holds(
          'name has 1 to 3000 characters',
          'OpenAPI',
          create('a name may have 3000 characters and no more'),
        ),
        holds(
          'file_type is the extension without the dot',
          'OpenAPI',
          types('a file report.pdf of text/plain has a type that is declared'),
        ),
        holds('A file without an end has expires_at null', 'OpenAPI', content('a file for … ends …')),
        holds(
          'download_url is filled for expand=download_url',
          'OpenAPI',
          content('retrieve shows the file by any form of its id, with a link only when asked'),
        ),
        inferred(
          'An id that is none is 422 uuid_parsing',
          requests('a path that names no id is refused by it, however long it is'),
        ),
        inferred(
          'A file that any other dialect made is listed, shown and downloaded',
          testsIn('test/interchange-pairs.test.ts')(
            'what … made is listed, shown and downloaded by every dialect, under every form of its id',
          ),
        ),
        inferred(
          'dfl- is printed before every id',
          settings('with ID_PREFIX=off ids are printed bare, and still taken in every form'),
          'ENTREPOT_LLAMACLOUD_ID_PREFIX',
        ),
        inferred(
          'Create fills download_url',
          settings('with URL_ON_CREATE=off the answer to create has a null where the link would be'),
          'ENTREPOT_LLAMACLOUD_URL_ON_CREATE',
        ),
        inferred('name is the last segment of the sent filename', create('a name with … is kept as data')),
        inferred(
          'Control characters in a name are 400',
          malformed(
            'a name with a line break or another control character is refused, and the answer quotes it',
          ),
        ),
        inferred(
          'Without an extension file_type comes from the type, then from the content',
          types('a file without an extension has the one that people use for its type'),
        ),
        inferred(
          'external_file_id is any text, kept as sent, and may repeat',
          requests('an external id is any text, kept as sent; an empty one is none'),
        ),
      ],
    },
    {
      title: 'retention',
      rules: [
        holds(
          'Files for parse stay 48 hours',
          'Docs',
          content('a file for parse ends after 48 hours, everywhere at once'),
        ),
        holds(
          'Files without expires_at stay until they are deleted',
          'Docs',
          content('a file for user_data ends never'),
        ),
        inferred(
          'So do files for extract, classify, split and sheet',
          content('a file for sheet ends after 48 hours, everywhere at once'),
          'ENTREPOT_LLAMACLOUD_RETENTION_HOURS',
        ),
        inferred(
          'The end is fixed at upload',
          settings('a retention that is changed later does not touch the files that are there'),
          'ENTREPOT_LLAMACLOUD_RETENTION_HOURS',
        ),
        inferred(
          'A file that has ended is 404 at once',
          content('a file that has ended answers like one that never was'),
        ),
        inferred(
          '… and its bytes go when running downloads had their time',
          expiry(
            'a file whose time is over is gone at once, and its bytes once the downloads of it had their time',
          ),
        ),
      ],
    },
    {
      title: 'links',
      rules: [
        holds(
          'A link has url, expires_at and form_fields',
          'OpenAPI',
          openapi('the fields that are described are those that are answered'),
        ),
        holds(
          'It works with and without the bearer header',
          'SDKs',
          content('a link gives the bytes with and without a bearer header, whole or in part'),
        ),
        inferred('It lasts an hour', content('a link lasts an hour, to the second')),
        inferred(
          'expires_at_seconds goes from 1 to a week: less is 422, more is lowered',
          content('expires_at_seconds sets how long a link lasts, from 1 to a week'),
        ),
        inferred(
          'An altered link is 403, one of a deleted file 404',
          content('a link that is altered is refused, one of a deleted file is gone'),
        ),
        inferred('It serves HEAD and ranges', download('the range … …')),
        inferred(
          'Each item of a list gets its own link',
          list('a list tells no total; links come when asked for, fresh for every item'),
        ),
      ],
    },
    {
      title: 'projects',
      rules: [
        holds(
          'A key works in one project and in no other',
          'Docs',
          sdkErrors('another tenant’s file is not there, whatever is done with it'),
        ),
        holds(
          'GET /api/v1/projects lists the projects',
          'SDKs',
          openapi('the description of get /api/v1/projects has its parameters, fields and answers'),
        ),
        inferred(
          'A project that the key may not use is 403',
          sdkErrors('a project that the key may not use is forbidden, whether or not there is one'),
        ),
        inferred(
          'filter.project_id of a query has to fit project_id',
          sdkErrors('a key of two projects works in the one that is named, by UUID or slug'),
        ),
        inferred(
          'organization_id has to be the key’s, and to fit project_id',
          sdkErrors(
            'an organization without a project is the one of the key, or forbidden; with a project both must match',
          ),
        ),
        inferred(
          'A file of another project is 404',
          sdkErrors('another tenant’s file is not there, whatever is done with it'),
        ),
        deviates(
          'A project is named by its UUID',
          'OpenAPI',
          'slugs are taken, too, so that scripts need no look-up',
          sdkErrors('a key of two projects works in the one that is named, by UUID or slug'),
        ),
        deviates(
          'A revoked key may work for a minute',
          'Docs',
          'it ends at once',
          sdkErrors('a key that is revoked no longer opens anything'),
        ),
      ],
    },
    {
      title: 'list and query',
      rules: [
        holds(
          'page_size is 50 by default, from 1 to 1000; beyond it list answers 422',
          'OpenAPI',
          list('list refuses page sizes out of bounds, query bends them'),
        ),
        holds(
          'page_token leads through all files, each once',
          'SDKs',
          list('iterating visits every file once, over as many pages as it takes, newest first'),
        ),
        holds(
          'file_name is exact, external_file_id and file_ids filter',
          'OpenAPI',
          list('list and query filter by …'),
        ),
        holds(
          'Lists in a query are repeated keys',
          'SDKs',
          list('a list of ids finds those, in any form and order, and skips the unknown'),
        ),
        holds(
          'A null arrives as an empty value, and is none',
          'SDKs',
          requests('an empty value in the query is none, plus and %20 are both a space'),
        ),
        holds(
          'expand takes commas',
          'Docs',
          content('expand takes commas and does not mind what it does not know'),
        ),
        holds(
          'order_by is name, id or created_at (descending)',
          'SDKs',
          list('list and query order by …, page by page'),
        ),
        holds(
          '… or fields with asc and desc, separated by commas',
          'OpenAPI',
          list('list and query order by …, page by page'),
        ),
        holds(
          'The last page has no token',
          'SDKs',
          list('iterating visits every file once, over as many pages as it takes, newest first'),
        ),
        holds(
          'query takes its filters in JSON, and {}',
          'OpenAPI',
          list('query pages with a token and tells the exact total on every page'),
        ),
        inferred('Another field to order by is 422', list('ordering by "…" is refused')),
        inferred(
          'A token of another listing is 422',
          list('a token of another listing, or of nobody, is refused'),
        ),
        inferred(
          'total_size is null in list and exact in query',
          list('query pages with a token and tells the exact total on every page'),
        ),
        inferred(
          'No data source matches any file',
          list('query knows no data sources: none matches one, all are uploaded by hand'),
        ),
        inferred(
          'Unknown ids are skipped, malformed ones are 422',
          requests('all problems of a list are told at once, each with its place'),
        ),
        inferred(
          'Files that come and go between pages do no harm',
          list('pages stay whole while files come and go'),
        ),
        inferred(
          'A name is found composed and decomposed',
          names('a name is found composed and decomposed, and is no other because it looks alike'),
        ),
      ],
    },
    {
      title: 'errors',
      rules: [
        holds(
          'The body is {"detail": …}; for 422 a list of loc, msg and type',
          'OpenAPI',
          requests('all problems of a query are told at once, each with its place'),
        ),
        holds(
          'No key is 401 “Not authenticated”, a wrong one “Invalid API key”',
          'Issues',
          sdkErrors('a wrong key and no key are told apart, and both are no authentication'),
        ),
        holds(
          'Quota that is used up is 402',
          'Docs',
          testsIn('test/openapi-contract.test.ts')('every operation answers as it says beyond the quota'),
        ),
        holds(
          '429 above the rate limit',
          'Docs',
          errors('over the rate limit an answer tells when to come back'),
        ),
        deviates(
          'Uploads are limited to 50 a second and project, on the free tier to 20 a minute',
          'Docs',
          'one limit holds for all APIs of this server, by organization',
          errors('over the rate limit an answer tells when to come back'),
          'ENTREPOT_RATE_LIMITS',
        ),
        holds(
          'A fault names an id',
          'Issues',
          errors('a fault tells an id that the log knows, and nothing else'),
        ),
        holds(
          '408, 409, 429 and 5xx are retried, and one file comes of it',
          'SDKs',
          sdkErrors('after … the SDK tries again and gets one file'),
        ),
        inferred(
          'An unknown address is 404 {"detail":"Not Found"}',
          errors('an address that is not there answers 404 in the same envelope'),
        ),
        inferred(
          'Retry-After tells when to come back',
          sdkErrors('the SDK waits as long as a rate limit of ours tells it, and then succeeds'),
          'ENTREPOT_RATE_LIMITS',
        ),
        inferred(
          'A store that is away is 503 with Retry-After',
          errors('a store that does not answer is 503 with a time to come back, a full one final'),
        ),
        inferred(
          'A key without the scope is 403',
          sdkErrors('a key without the scope is forbidden what it lacks'),
        ),
        inferred(
          'A base URL that contains a part of the path is told',
          base('an SDK whose base URL ends in its path shows the reason'),
        ),
      ],
    },
    {
      title: 'what the SDKs send and need',
      rules: [
        holds(
          'Files come as a path, a stream, a Response or a File',
          'SDKs',
          create('a file on disk is created with its name, whatever folder it is in'),
        ),
        holds(
          'A stream without a name is unknown_file',
          'SDKs',
          create('a stream is created under the name it is given, or the SDK’s own'),
        ),
        holds(
          'A Response is named by its address',
          'SDKs',
          create('the answer to a fetch is a file, named after its address'),
        ),
        holds(
          'A Buffer or an unnamed Blob sends no file: 422',
          'SDKs',
          create('what the SDK sends without a part for the file is none: an unnamed Blob, a Buffer'),
        ),
        holds(
          'A quote in a filename is %22',
          'SDKs',
          names('%22 is a quote in what browsers and undici send, and itself in what others do'),
        ),
        holds(
          'filename* is preferred',
          'SDKs',
          names('a filename* is preferred to the filename beside it, and both headers come from one name'),
        ),
        holds(
          'Python deletes with a JSON type and no body',
          'SDKs',
          errors('a DELETE as Python sends it, JSON declared and no body, deletes'),
        ),
        holds(
          'curl waits for 100 Continue',
          'SDKs',
          curl('a form that waits for 100 Continue is told to go on, then made a file'),
        ),
        holds(
          'An empty id leads to /api/v1/beta/files/, which is 404',
          'SDKs',
          errors('an address that is not there answers 404 in the same envelope'),
        ),
        holds(
          'Pages of other origins call with a key',
          'SDKs',
          session('a page of any origin may call with a key, and never with a cookie'),
        ),
      ],
    },
    {
      title: 'the first version, /api/v1/files',
      rules: [
        holds(
          'upload_file, get_file and read_file_content take a file there and back',
          'Python 0.1',
          recorded('a file goes in with upload_file and comes back by read_file_content'),
        ),
        holds(
          'FileClient uploads with and without presigned URLs',
          'Python 0.1',
          recorded(
            'what FileClient uploads, with and without presigned URLs, keeps its name and external id',
          ),
        ),
        holds(
          'The PUT to a presigned URL completes the file by itself',
          'Python 0.1',
          recorded(
            'a file is there once its bytes were put on a presigned URL, for list_files and sync_files too',
          ),
        ),
        holds(
          'list_files and sync_files answer an array',
          'OpenAPI 2025',
          recorded(
            'a file is there once its bytes were put on a presigned URL, for list_files and sync_files too',
          ),
        ),
        holds(
          'delete_file answers without a body',
          'OpenAPI 2025',
          recorded('delete_file answers without a body, and the file is not found afterwards'),
        ),
        holds(
          'An ephemeral file stays 48 hours, a permanent one for good',
          'Python 0.1',
          uploads('an ephemeral file ends after 48 hours, a permanent one does not'),
        ),
        holds(
          'POST /api/v1/files/presigned-url is the same as PUT /api/v1/files',
          'Docs',
          openapi(
            'the description of post /api/v1/files/presigned-url has its parameters, fields and answers',
          ),
        ),
        holds(
          'Ids are bare UUIDs',
          'OpenAPI 2025',
          recorded('a file goes in with upload_file and comes back by read_file_content'),
        ),
        holds(
          'A request is checked as the schema says',
          'OpenAPI 2025',
          uploads('… gets 422 and makes no file'),
        ),
        deviates(
          'The PUT has to follow within 30 seconds',
          'Docs',
          'the URL lives an hour, or as long as expires_at_seconds says',
          uploads('a waiting file ends with its URL, which lives an hour by default'),
        ),
        inferred(
          'A file that waits for its bytes is found by its id and is in no list',
          uploads(
            'a file that waits for its bytes is found by its id, in no list, and pending for Lightfield',
          ),
        ),
        deviates(
          'upload_from_url fetches what it is told',
          'OpenAPI 2025',
          'a server that fetches for its callers is off until the operator allows it',
          recorded('upload_file_from_url is told that the operator has not allowed it'),
          'ENTREPOT_LLAMACLOUD_UPLOAD_FROM_URL',
        ),
        inferred(
          'Private addresses are not asked',
          fromUrl('… is not asked'),
          'ENTREPOT_LLAMACLOUD_UPLOAD_FROM_URL_ALLOWED_HOSTS',
        ),
        deviates(
          'proxy_url and verify_ssl: false are obeyed',
          'OpenAPI 2025',
          'either would let a caller reach what the check of addresses keeps shut: 400',
          fromUrl('what would weaken the fetch is refused, and what is no request is told'),
        ),
        holds(
          'follow_redirects: false follows none',
          'OpenAPI 2025',
          fromUrl('redirects are followed, not without end, and not at all if told so'),
        ),
        holds(
          'The name is from Content-Disposition, then the path',
          'OpenAPI 2025',
          fromUrl('the name for … at … is …'),
        ),
        outOfScope('Page screenshots and figures', 'OpenAPI 2025', 'parsing makes them; they are 404'),
      ],
    },
  ],
}

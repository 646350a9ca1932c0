import { type Conformance, deviates, holds, inferred, outOfScope, testsIn } from './rule.ts'

const bodies = testsIn('src/dialects/lightfield/bodies.test.ts')
const browsers = testsIn('src/http/browsers.test.ts')
const checkOrder = testsIn('src/dialects/lightfield/check-order.test.ts')
const download = testsIn('src/transfer/download.test.ts')
const errorAnswer = testsIn('src/dialects/lightfield/error-answer.test.ts')
const errors = testsIn('src/dialects/lightfield/errors.test.ts')
const idempotency = testsIn('src/dialects/lightfield/idempotency.test.ts')
const lifecycle = testsIn('src/dialects/lightfield/lifecycle.test.ts')
const links = testsIn('src/transfer/links.test.ts')
const list = testsIn('src/dialects/lightfield/list.test.ts')
const openapi = testsIn('src/dialects/lightfield/openapi.test.ts')
const purposes = testsIn('src/dialects/lightfield/purposes.test.ts')
const putHeaders = testsIn('src/transfer/put-headers.test.ts')
const races = testsIn('src/dialects/lightfield/races.test.ts')
const rateLimits = testsIn('src/dialects/lightfield/rate-limits.test.ts')
const tenants = testsIn('src/dialects/lightfield/tenants.test.ts')
const upload = testsIn('src/transfer/upload.test.ts')
const validation = testsIn('src/dialects/lightfield/validation.test.ts')
const wire = testsIn('src/dialects/lightfield/wire.test.ts')

export const lightfield: Conformance = {
  dialect: 'lightfield',
  clients: [
    { name: '`lightfield` (Python)', version: '0.20.0a2' },
    { name: '`lightfield-go`', version: '0.6.0-alpha' },
    { name: '`lightfield-cli`', version: '0.4.3' },
  ],
  sources: {
    OpenAPI: 'Lightfield’s OpenAPI 3.1.1, version 2026-03-01: the Files and Auth operations',
    Guides:
      'docs.lightfield.app/using-the-api: file-uploads, uploading-knowledge-files, meeting transcripts, emails-and-attachments',
    Errors: 'docs.lightfield.app/using-the-api/errors',
    Idempotency: 'docs.lightfield.app/using-the-api/idempotency',
    'Rate limits': 'docs.lightfield.app/using-the-api/rate-limits',
    Lists: 'docs.lightfield.app/using-the-api/list-endpoints',
    Keys: 'docs.lightfield.app/using-the-api: api-keys and scopes',
    Plugin: 'Lightfield’s agent plugin, github.com/Lightfld/lightfield-plugin',
    SDKs: 'lightfield-go 0.6.0-alpha, lightfield-cli 0.4.3 and the TypeScript SDK 0.6.0-alpha',
  },
  sections: [
    {
      title: 'operations',
      rules: [
        holds(
          'There are seven operations: create, list, retrieve, complete, cancel and url of files, and auth.validate',
          'OpenAPI',
          openapi('the description lists the seven operations and nothing else'),
        ),
        holds(
          'Each operation has the parameters, fields and statuses of the schema',
          'OpenAPI',
          openapi('the description of … has its fields'),
        ),
        holds(
          'All paths are below /v1, at the root',
          'OpenAPI',
          openapi('every operation answers the same at the root, where the vendor has it'),
        ),
        holds(
          'Success is 200, for create too',
          'OpenAPI',
          openapi(
            'create takes the example of the vendor’s page and returns every field of it, and no other',
          ),
        ),
        holds(
          'files:create is for create, complete and cancel; files:read for list, retrieve and url; auth.validate needs none',
          'Keys',
          errors('a key without the scope gets 403 on what it lacks and may do the rest'),
        ),
        holds(
          'create, complete and cancel count as Write, list as Search, the others as Read',
          'OpenAPI',
          rateLimits('… counts as … and is refused past its limit'),
        ),
        holds(
          'There is no delete, no update and no upload by form',
          'OpenAPI',
          errors(
            'a route that does not exist gets 404, a method that it does not take 405, with or without a key',
          ),
        ),
        outOfScope(
          'Emails, meetings and knowledge use files',
          'Guides',
          'what uses files is not part of a Files API; so are the limits of five attachments and one transcript',
        ),
      ],
    },
    {
      title: 'create',
      rules: [
        holds(
          'The vendor’s own example is taken and every field of its answer is there',
          'OpenAPI',
          openapi(
            'create takes the example of the vendor’s page and returns every field of it, and no other',
          ),
        ),
        holds(
          'Unknown properties are refused',
          'OpenAPI',
          validation('create refuses a field that is not known'),
        ),
        holds('filename is required', 'OpenAPI', validation('create refuses no filename')),
        holds('mimeType is required', 'OpenAPI', validation('create refuses no mimeType')),
        holds('sizeBytes is required', 'OpenAPI', validation('create refuses no sizeBytes')),
        holds(
          'filename has 1 to 255 characters',
          'OpenAPI',
          validation('create refuses a filename of 256 characters'),
        ),
        holds('sizeBytes is at least 1', 'OpenAPI', validation('create refuses a size of 0')),
        holds(
          'sizeBytes is at most 536,870,912',
          'OpenAPI',
          validation('create refuses one byte more than 512 MiB'),
        ),
        holds('… and the largest size is taken', 'OpenAPI', validation('the largest size of all is taken')),
        holds(
          'The four purposes are taken',
          'OpenAPI',
          openapi('create takes every purpose of the vendor’s page'),
        ),
        holds(
          'Another purpose is refused',
          'OpenAPI',
          validation('create refuses a purpose that is not known'),
        ),
        holds('purpose is returned nowhere', 'OpenAPI', purposes('the purpose is shown nowhere')),
        inferred(
          'Control characters in filename and mimeType are 400',
          validation('create refuses a filename with a line end'),
        ),
        inferred(
          'Without a purpose any type is taken, "mimeType" without a slash too',
          purposes('every other purpose, and none, takes any type'),
        ),
        inferred(
          'A name is never part of a path',
          testsIn('test/names.test.ts')('…: the name "…" is data, and kept as it is'),
        ),
      ],
    },
    {
      title: 'the file object',
      rules: [
        holds(
          'Every field is there in every state, with null where it has no value',
          'OpenAPI',
          lifecycle('each state shows its own times, and null for the others'),
        ),
        holds(
          'completedAt is null in every state but COMPLETED; expiresAt is null once the upload has ended',
          'OpenAPI',
          lifecycle('each state shows its own times, and null for the others'),
        ),
        holds(
          'uploadUrl and uploadHeaders are in the answer to create and in no other',
          'OpenAPI',
          openapi('the description of … has its fields'),
        ),
        holds(
          'Times are ISO 8601 in UTC with milliseconds and Z',
          'Guides',
          wire('prints every time as Date does'),
        ),
        holds(
          'Ids begin with fil_',
          'Guides',
          lifecycle('ids are fil_ with 25 characters, and every other form of them is accepted'),
        ),
        inferred(
          'An id is fil_ and 25 characters of [a-z0-9]; any other text is an unknown id',
          errors('an id that nobody has gets 404 on every operation, whatever it looks like'),
        ),
        inferred(
          'A file that any other dialect made is listed, shown and downloaded',
          testsIn('test/interchange-pairs.test.ts')(
            'what … made is listed, shown and downloaded by every dialect, under every form of its id',
          ),
        ),
        inferred(
          'sizeBytes stays as declared, which is what is stored',
          lifecycle('complete of an upload that is PENDING with its bytes succeeds and leaves it COMPLETED'),
        ),
      ],
    },
    {
      title: 'list',
      rules: [
        holds(
          'offset is 0 by default, limit 25',
          'OpenAPI',
          list('the query "" shows 25 files from number 0 on'),
        ),
        holds(
          'offset goes up to 2^53-1',
          'OpenAPI',
          list('the query "?offset=9007199254740991" shows 0 files from number 60 on'),
        ),
        holds(
          'limit is at least 1, offset at least 0',
          'OpenAPI',
          list('the query "?offset=-1&limit=0" is refused for its offset'),
        ),
        holds(
          'The answer is object, data and totalCount, which counts all files, not those of the page',
          'OpenAPI',
          list('the query "?offset=20&limit=5" shows 5 files from number 20 on'),
        ),
        holds(
          'A page shorter than its limit is the last',
          'Lists',
          list('the query "?offset=59" shows 1 files from number 59 on'),
        ),
        holds(
          'An empty value is allowed',
          'OpenAPI',
          list('the query "?limit=&offset=" shows 25 files from number 0 on'),
        ),
        inferred(
          'limit above 25 counts as 25',
          list('the query "?limit=100" shows 25 files from number 0 on'),
        ),
        inferred(
          'limit of 0, negative or no integer is 400',
          list('the query "?limit=NaN" is refused for its limit'),
        ),
        inferred(
          'Unknown parameters are ignored',
          list('the query "?status=COMPLETED&q=x&filter[a]=b" shows 25 files from number 0 on'),
        ),
        inferred(
          'Newest first, equal times by id',
          list('files of one millisecond have an order that pages agree on'),
        ),
        inferred(
          'Files in all four states are listed, as retrieve shows them',
          list('files in every state are listed, each as retrieve shows it'),
        ),
      ],
    },
    {
      title: 'complete, cancel and states',
      rules: [
        holds(
          'An upload with its bytes is completed',
          'OpenAPI',
          lifecycle('complete of an upload that is PENDING with its bytes succeeds and leaves it COMPLETED'),
        ),
        holds(
          'md5 is compared before the file is completed',
          'OpenAPI',
          lifecycle(
            'complete with a wrong md5 of an upload that is PENDING with its bytes answers 422 unprocessable_content and leaves it PENDING',
          ),
        ),
        holds('md5 is 32 lower-case hexadecimal digits', 'OpenAPI', validation('complete refuses an md5 …')),
        holds(
          'Unknown properties of complete and cancel are refused',
          'OpenAPI',
          validation('complete and cancel refuse fields that they do not know'),
        ),
        holds(
          'A PENDING upload is cancelled',
          'OpenAPI',
          lifecycle('cancel of an upload that is PENDING without bytes succeeds and leaves it CANCELLED'),
        ),
        holds(
          'A COMPLETED file cannot be cancelled',
          'OpenAPI',
          lifecycle('cancel of an upload that is COMPLETED answers 409 conflict and leaves it COMPLETED'),
        ),
        holds(
          'A CANCELLED or EXPIRED upload cannot be cancelled',
          'OpenAPI',
          lifecycle('cancel of an upload that is EXPIRED answers 409 conflict and leaves it EXPIRED'),
        ),
        holds(
          'url is for COMPLETED files',
          'OpenAPI',
          lifecycle('url of an upload that is COMPLETED succeeds and leaves it COMPLETED'),
        ),
        holds(
          'url is refused in every other state',
          'OpenAPI',
          lifecycle(
            'url of an upload that is PENDING with its bytes answers 409 conflict and leaves it PENDING',
          ),
        ),
        holds(
          'A PENDING upload whose expiresAt has passed is EXPIRED',
          'OpenAPI',
          lifecycle('complete of an upload that is EXPIRED answers 409 conflict and leaves it EXPIRED'),
        ),
        inferred(
          'The session lasts an hour from create, and nothing extends it',
          lifecycle('neither a PUT nor a failed complete extends the session'),
          'ENTREPOT_LIGHTFIELD_SESSION_SECONDS',
        ),
        inferred(
          'Expiry shows at once, before any sweeper ran',
          lifecycle('a session lives until the last millisecond before its hour is over'),
        ),
        inferred(
          'Complete without bytes is 422; the upload stays PENDING',
          lifecycle(
            'complete of an upload that is PENDING without bytes answers 422 unprocessable_content and leaves it PENDING',
          ),
        ),
        inferred(
          'Complete of bytes of another size is 422 with param sizeBytes',
          lifecycle(
            'complete of an upload that is PENDING with too few bytes answers 422 unprocessable_content and leaves it PENDING',
          ),
        ),
        inferred(
          'A repeated complete answers the same file',
          lifecycle('a repeated complete answers the same file, however late'),
        ),
        inferred(
          'A repeated complete with a wrong md5 is 422',
          lifecycle(
            'complete with a wrong md5 of an upload that is COMPLETED answers 422 unprocessable_content and leaves it COMPLETED',
          ),
        ),
        inferred(
          'A malformed md5 is 400 in every state',
          lifecycle(
            'complete with a malformed md5 of an upload that is CANCELLED answers 400 bad_request and leaves it CANCELLED',
          ),
        ),
        inferred(
          'Complete of an upload that was cancelled is 409',
          lifecycle('complete of an upload that is CANCELLED answers 409 conflict and leaves it CANCELLED'),
        ),
        inferred(
          'Conflicts of state carry x-should-retry: false',
          errorAnswer('clients are told not to retry what time cannot change, and left to retry the rest'),
        ),
        inferred(
          'Of a complete and a cancel at once one wins, the other gets 409',
          races('of a complete and a cancel at once exactly one wins and the other gets 409'),
        ),
        inferred(
          'COMPLETED, CANCELLED and EXPIRED are final, and still retrieved',
          lifecycle('retrieve of an upload that is CANCELLED succeeds and leaves it CANCELLED'),
        ),
        inferred(
          'The bytes of an ended upload are removed, its record stays listed',
          upload('… bytes that were replaced or cancelled are removed'),
        ),
        inferred(
          'A file of another workspace is 404, as an unknown id is',
          tenants('… answers for a foreign file exactly as for one that does not exist'),
        ),
      ],
    },
    {
      title: 'purposes',
      rules: [
        holds(
          'Without a purpose a file has up to 536,870,912 bytes',
          'OpenAPI',
          purposes('no purpose takes 536870912 bytes and not one more'),
        ),
        holds(
          'knowledge_user needs the key of a user',
          'Guides',
          purposes('the key of a member may upload for knowledge_user'),
        ),
        holds(
          'knowledge_workspace is for admins; another user gets 403',
          'Guides',
          purposes('the key of a member may not upload for knowledge_workspace'),
        ),
        holds(
          'email_attachment has up to 20 MiB',
          'Plugin',
          purposes('email_attachment takes 20971520 bytes and not one more'),
        ),
        holds(
          'The rules of a purpose are checked at create',
          'Guides',
          purposes('a meeting transcript is of one of eight types'),
        ),
        holds(
          'Names of knowledge get the milliseconds of the epoch before the last extension',
          'Plugin',
          purposes('the knowledge name … is stamped before its last extension'),
        ),
        holds(
          'Knowledge is uploaded with if-none-match: *, and a second PUT gets 412',
          'Plugin',
          purposes('knowledge is uploaded with if-none-match, once'),
        ),
        holds(
          'A role is fixed when the key is issued',
          'Keys',
          tenants('auth.validate tells a user from a workspace, and the scopes as granted'),
        ),
        inferred(
          'meeting_transcript takes eight types',
          purposes('a meeting transcript is of one of eight types'),
          'ENTREPOT_LIGHTFIELD_PURPOSES',
        ),
        inferred(
          'meeting_transcript has up to 10 MiB',
          purposes('meeting_transcript takes 10485760 bytes and not one more'),
          'ENTREPOT_LIGHTFIELD_PURPOSES',
        ),
        inferred(
          'Knowledge has up to 100 MiB, of any type',
          purposes('knowledge_user takes 104857600 bytes and not one more'),
          'ENTREPOT_LIGHTFIELD_PURPOSES',
        ),
        inferred(
          'A key of no user gets 403 for knowledge',
          purposes('the key of a workspace may not upload for knowledge_user'),
          'ENTREPOT_LIGHTFIELD_PURPOSES',
        ),
        inferred(
          'A broken rule of a purpose is 422 with param',
          checkOrder('reports a MIME type before a size that the purpose refuses'),
        ),
        inferred(
          'A size that no file may have is 400 with any purpose',
          purposes('a size that no file may have is 400 whatever the purpose'),
        ),
        inferred(
          'Types are compared without parameters and letter case',
          purposes('MIME types are compared without parameters and letter case, and come back as sent'),
        ),
        inferred(
          'A name without an extension is stamped at its end',
          purposes('the knowledge name README is stamped before its last extension'),
        ),
        inferred(
          'Other purposes keep the name and have no if-none-match',
          purposes('any other upload is replaced by a second PUT, unless that says if-none-match'),
        ),
      ],
    },
    {
      title: 'upload URL',
      rules: [
        holds(
          'The bytes go by PUT to uploadUrl, and success is a 2xx',
          'Plugin',
          upload('a PUT answers 200 without a body, and the md5 as its ETag'),
        ),
        holds(
          'The PUT needs no key and no version',
          'Guides',
          upload('the vendor’s headers are neither asked for nor minded'),
        ),
        holds(
          'Every header of uploadHeaders has to be sent',
          'Plugin',
          upload('a PUT with … gets 403 and stores nothing'),
        ),
        holds(
          'Names in uploadHeaders are in lower case: content-type, if-none-match',
          'Guides',
          purposes('knowledge is uploaded with if-none-match, once'),
        ),
        inferred(
          'A wrong signature is 403',
          links('an upload link with any one character changed gets 403 and stores nothing'),
        ),
        inferred(
          'The link ends with the session',
          links('an upload link ends with the session, to the millisecond'),
        ),
        inferred(
          'A PUT to an upload that is not PENDING is 403',
          lifecycle('put of an upload that is COMPLETED answers 403 forbidden and leaves it COMPLETED'),
        ),
        inferred(
          'A Content-Length other than sizeBytes is 400',
          upload('a Content-Length that is not the announced size gets 400 and stores nothing'),
        ),
        inferred(
          'More bytes than sizeBytes are 413',
          upload('a chunked body that is too long gets 413 and stores nothing'),
        ),
        inferred('A chunked body is counted', upload('a chunked body is counted as it comes')),
        inferred(
          'A body that breaks off stores nothing',
          upload('a client that … in the middle of a body (…) leaves nothing behind'),
        ),
        inferred(
          'A second PUT without if-none-match replaces the bytes',
          purposes('any other upload is replaced by a second PUT, unless that says if-none-match'),
        ),
        inferred('Other methods are 405', upload('other methods get 405 with the methods that a link takes')),
        inferred(
          'A digest in a header has to fit the bytes',
          putHeaders('a PUT whose … fits is stored; one whose does not gets 400 and stores nothing'),
        ),
        inferred(
          'Links carry no rate headers and count in no category',
          rateLimits('bytes on links count in no category and carry no rate headers'),
        ),
        inferred(
          'Links start with the public URL, never with Host',
          links('links are never made from the Host header'),
          'ENTREPOT_PUBLIC_URL',
        ),
        inferred(
          'Pages of any origin may PUT',
          browsers('a page of any origin may PUT with the headers of an upload'),
        ),
      ],
    },
    {
      title: 'download URL',
      rules: [
        holds(
          'url and expiresAt are there, and each call makes a new URL',
          'Plugin',
          links('a download link lives 900 seconds, and each call of url mints a new one'),
        ),
        inferred(
          'A URL lives 900 seconds',
          links('a download link lives 900 seconds, and each call of url mints a new one'),
          'ENTREPOT_LIGHTFIELD_DOWNLOAD_SECONDS',
        ),
        inferred('GET on it needs no header', download('a download asks for no header and minds none')),
        inferred(
          'The answer has the type, the length and a disposition with filename*, and nothing is sniffed',
          download('GET sends the file as an attachment, and HEAD the same headers without it'),
        ),
        inferred('Single ranges are 206, bad ones 416', download('the range … …')),
        inferred('An altered link is 403', links('a download link with any one character changed gets 403')),
        inferred(
          'Bytes that are lost are a fault of the server: 500',
          errors('bytes that are gone are a fault, told without details'),
        ),
      ],
    },
    {
      title: 'auth.validate',
      rules: [
        holds(
          'subjectType is user or workspace, scopes as granted, empty for all',
          'OpenAPI',
          tenants('auth.validate tells a user from a workspace, and the scopes as granted'),
        ),
        holds(
          'active is always true: a bad key is 401',
          'OpenAPI',
          errors('a request without a key gets 401 and no rate headers'),
        ),
        holds(
          'A revoked key stops working at once',
          'Keys',
          errors('a key counts until the moment it is revoked'),
        ),
      ],
    },
    {
      title: 'errors',
      rules: [
        holds(
          'Errors are wrapped in error, with type and message; code on 400; param where there is a field',
          'Errors',
          errorAnswer('… has an answer in the vendor’s form'),
        ),
        deviates(
          'OpenAPI describes errors without the wrapper',
          'OpenAPI',
          'the errors page has the wrapper, and Python reads it',
          errorAnswer('… has an answer in the vendor’s form'),
        ),
        holds(
          'Every status that an operation declares is answered in its form',
          'OpenAPI',
          testsIn('test/openapi-contract.test.ts')(
            'every operation that is described is asked here, and answers as it says',
          ),
        ),
        holds(
          'A missing field is parameter_missing with param',
          'Errors',
          validation('create refuses nothing'),
        ),
        holds(
          'A property that is not known is unknown_field',
          'Errors',
          validation('create refuses a status'),
        ),
        holds(
          'A bad version is version_header',
          'Errors',
          errors('a version that is missing, empty or unknown is refused on every operation'),
        ),
        holds(
          'An overlong idempotency key is idempotency_key_too_long',
          'Errors',
          idempotency('a key has at most 255 characters'),
        ),
        holds(
          'No key, or an unknown one, is 401',
          'Errors',
          errors('a request … gets 401 and no rate headers'),
        ),
        holds(
          'A missing scope is 403, not 401',
          'Errors',
          errors('a key without the scope gets 403 on what it lacks and may do the rest'),
        ),
        holds(
          'An unknown id is 404',
          'Errors',
          errors('an id that nobody has gets 404 on every operation, whatever it looks like'),
        ),
        holds(
          'A body that is not declared as JSON is 415',
          'Errors',
          errors('a body that is not declared as JSON gets 415'),
        ),
        holds(
          '500 is internal_server_error',
          'Errors',
          errors('bytes that are gone are a fault, told without details'),
        ),
        holds(
          '503 is service_unavailable, 504 gateway_timeout',
          'OpenAPI',
          errors('a store that … is told as …, and nothing of it is kept'),
        ),
        inferred(
          'A wrong type, range, length, enum or pattern is invalid_type',
          validation('create refuses a size that is a string'),
        ),
        inferred(
          'A body that is no JSON object is invalid_type without param',
          validation('create, complete and cancel refuse a body …'),
        ),
        inferred(
          'An unknown route is 404, another method 405',
          errors(
            'a route that does not exist gets 404, a method that it does not take 405, with or without a key',
          ),
        ),
        inferred('Of several problems the first in a fixed order is told', checkOrder('reports …')),
      ],
    },
    {
      title: 'headers',
      rules: [
        holds(
          'Lightfield-Version: 2026-03-01 is needed on every operation',
          'OpenAPI',
          errors('a version that is missing, empty or unknown is refused on every operation'),
        ),
        holds(
          'It marks the dialect on a bare /v1, where nobody else asks for it',
          'SDKs',
          testsIn('test/whose-request.test.ts')(
            'a broken request of … is answered in the form of lightfield',
          ),
        ),
        deviates(
          'Without the version a request on /v1/files is refused',
          'OpenAPI',
          'on a bare /v1/files it is taken for OpenAI’s, which has no header of its own; below /lightfield it is refused',
          errors('a version that is missing, empty or unknown is refused on every operation'),
        ),
        inferred(
          'A version may be missing if the operator says so; a wrong one stays wrong',
          errors('a version is not asked for where the operator says so, but a wrong one stays wrong'),
          'ENTREPOT_LIGHTFIELD_REQUIRE_VERSION',
        ),
        deviates(
          'Keys start with sk_lf_',
          'Keys',
          'keys are made here and start with ek_; the SDKs pass any text',
          errors('a request with an unknown key gets 401 and no rate headers'),
        ),
        inferred(
          'The scheme Bearer is matched in any letter case',
          errors('the scheme of a key is matched in any letter case'),
        ),
        inferred(
          'Everything after the scheme is the key, spaces included',
          errors('a request with a key of spaces and signs gets 401 and no rate headers'),
        ),
      ],
    },
    {
      title: 'idempotency',
      rules: [
        holds(
          'A repeat returns the first answer and does nothing again',
          'Idempotency',
          idempotency('a repeated create returns the first answer, byte for byte, and makes no second file'),
        ),
        holds(
          '… even if its payload differs',
          'Idempotency',
          idempotency('a repeat with another payload still returns the first answer'),
        ),
        holds(
          'A key has up to 255 characters',
          'Idempotency',
          idempotency('a key has at most 255 characters'),
        ),
        holds(
          'A key is unique in its organization and operation',
          'Idempotency',
          idempotency('one key on create, complete and cancel is three keys'),
        ),
        holds(
          'An answer is kept for 24 hours',
          'Idempotency',
          idempotency('an answer is kept for 24 hours and no longer'),
        ),
        holds(
          'A request that failed is not kept',
          'Idempotency',
          idempotency('a refused create is not kept'),
        ),
        holds(
          'While the first runs, a repeat is 409 idempotency_conflict',
          'Idempotency',
          idempotency('of fifty creates at once with one key one makes a file and the rest are told to wait'),
        ),
        inferred(
          'Complete and cancel take a key, the file being part of it',
          idempotency('complete and cancel are repeated too, the file being part of the key'),
        ),
        inferred('An empty header is no key', idempotency('an empty header is no key')),
      ],
    },
    {
      title: 'rate limits',
      rules: [
        holds(
          '25 requests per second and organization, counted apart as Write, Read and Search',
          'Rate limits',
          rateLimits('the vendor’s own limit of 25 is the default, and off means no limit and no headers'),
        ),
        holds(
          'Keys of one organization share its buckets',
          'Rate limits',
          rateLimits('the keys of one organization share its buckets, another organization has its own'),
        ),
        holds(
          'Every answer has X-RateLimit-Limit, -Remaining and -Reset',
          'Rate limits',
          rateLimits('every error but 401 carries the rate headers'),
        ),
        holds(
          'A 429 has Retry-After in seconds',
          'Rate limits',
          rateLimits('a burst is told to come back as its tokens flow in, and whoever obeys gets in'),
        ),
        inferred(
          'The count is a token bucket that refills as time passes',
          rateLimits('a bucket refills as time passes, one request at a time and never above its capacity'),
          'ENTREPOT_RATE_LIMITS',
        ),
      ],
    },
    {
      title: 'what the SDKs send and need',
      rules: [
        holds(
          'TypeScript cancels with neither body nor content type',
          'SDKs',
          bodies('cancel and complete take no body and no content type'),
        ),
        holds(
          'Go and the command line send {} as JSON',
          'SDKs',
          bodies('cancel and complete take an empty object'),
        ),
        holds(
          'Python sends an empty body that it calls JSON',
          'SDKs',
          bodies('cancel and complete take an empty body, declared as JSON'),
        ),
        holds(
          'Bodies may have a charset',
          'SDKs',
          bodies('cancel and complete take an empty object and a charset'),
        ),
        holds(
          'A base URL that ends in /v1 leads to /v1/v1/files, which says why',
          'SDKs',
          testsIn('test/base-url.test.ts')(
            'a base URL that contains a part of the path is told, in the form of the dialect in front',
          ),
        ),
        holds(
          'A path prefix of the base URL is kept: all is served below /lightfield too',
          'SDKs',
          openapi('every operation answers the same at the root, where the vendor has it'),
        ),
        holds(
          '408, 409, 429 and 5xx are retried unless x-should-retry says no',
          'SDKs',
          errorAnswer('clients are told not to retry what time cannot change, and left to retry the rest'),
        ),
        outOfScope(
          'The Go suite expects a mock that answers every id',
          'SDKs',
          'this server has state: an unknown id is 404',
        ),
      ],
    },
  ],
}

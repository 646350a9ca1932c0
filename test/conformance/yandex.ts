import { type Conformance, deviates, holds, inferred, outOfScope, testsIn } from './rule.ts'

const anonymous = testsIn('src/dialects/yandex/anonymous.test.ts')
const attacks = testsIn('src/dialects/yandex/attacks.test.ts')
const checklist = testsIn('test/sdk/yandex-checklist.test.ts')
const download = testsIn('src/transfer/download.test.ts')
const errors = testsIn('src/dialects/yandex/errors.test.ts')
const errorTable = testsIn('src/dialects/yandex/error-table.test.ts')
const grpc = testsIn('src/dialects/yandex/grpc.test.ts')
const json = testsIn('src/dialects/yandex/json.test.ts')
const messages = testsIn('src/dialects/yandex/messages.test.ts')
const node = testsIn('test/sdk/yandex.test.ts')
const openapi = testsIn('src/dialects/yandex/openapi.test.ts')
const python = testsIn('test/sdk/yandex-python.test.ts')
const restCreate = testsIn('src/dialects/yandex/rest-create.test.ts')
const restLife = testsIn('src/dialects/yandex/rest-life.test.ts')
const settings = testsIn('src/dialects/yandex/settings.test.ts')
const sliding = testsIn('test/sliding-expiry.test.ts')
const types = testsIn('src/dialects/yandex/types.test.ts')

export const yandex: Conformance = {
  dialect: 'yandex',
  clients: [
    { npm: '@yandex-cloud/nodejs-sdk', file: 'test/sdk/yandex-sdk.ts' },
    { name: '`yandex-ai-studio-sdk` (Python)', version: '0.22.1', file: 'test/sdk/yandex-python.test.ts' },
    { name: '`yandex-cloud-ml-sdk` (Python)', version: '0.19.1' },
  ],
  sources: {
    Protos: 'github.com/yandex-cloud/cloudapi',
    Docs: 'github.com/yandex-cloud/docs and yandex.cloud',
    Recordings:
      'what the vendor’s server answered, in the tests of github.com/yandex-cloud/yandex-ai-studio-sdk',
    SDKs: 'yandex-ai-studio-sdk 0.19 and @yandex-cloud/nodejs-sdk 2.8 and 3.2',
  },
  sections: [
    {
      title: 'methods',
      rules: [
        holds(
          'FileService has Create, Get, GetUrl, Update, Delete and List, all unary',
          'Protos',
          grpc('a file goes through its whole life'),
        ),
        holds(
          'Each has its address over REST',
          'Protos',
          openapi('the description lists every operation and nothing else'),
        ),
        holds('… with the fields of its message', 'Protos', openapi('the description of … has its fields')),
        holds(
          'files:getUrl is a path of its own, with fileId in the query',
          'Protos',
          restLife(
            'the URL of a file needs no credentials, whatever way its verb is written, and ends with the file',
          ),
        ),
        holds(
          'Create over REST answers 200',
          'Docs',
          restCreate('a create as the reference prints it is answered as the reference prints it'),
        ),
        holds('Delete answers an empty message', 'Protos', grpc('a file goes through its whole life')),
        holds(
          'The services of discovery are List and Get of ApiEndpoint',
          'Protos',
          openapi('the description of ApiEndpoint.List has its fields'),
        ),
        holds(
          'The id in the path wins over one in the body',
          'Protos',
          restLife('the id in the path wins over one in the body'),
        ),
        inferred(
          '%3A is read as a colon of a verb',
          restLife(
            'the URL of a file needs no credentials, whatever way its verb is written, and ends with the file',
          ),
        ),
        outOfScope(
          'Operations, threads, assistants, search indexes',
          'Protos',
          'they are no part of the Files API',
        ),
        outOfScope(
          'The OpenAI-compatible Files of AI Studio',
          'Docs',
          'an API of its own; the OpenAI dialect serves its shape',
        ),
        outOfScope('IamTokenService, for OAuth tokens', 'SDKs', 'a key is the token'),
      ],
    },
    {
      title: 'the file message',
      rules: [
        holds(
          'A file is printed as the vendor prints it',
          'Protos',
          messages('a file is printed as the vendor prints it'),
        ),
        holds(
          'Name, description and labels that were not given stay unset',
          'Recordings',
          messages('a name, description and labels that were never given stay unset'),
        ),
        holds(
          'updatedAt is createdAt at first; expiresAt is createdAt and the days',
          'Recordings',
          node('a create without optional fields leaves them unset, and tells the rest'),
        ),
        holds(
          'Every file has an expiration with a policy',
          'SDKs',
          messages('every expiry has one of the two policies of the vendor, and tells its instant exactly'),
        ),
        holds(
          'createdBy and updatedBy are the subject, not the key',
          'Recordings',
          node('a create without optional fields leaves them unset, and tells the rest'),
        ),
        holds(
          'Ids begin with fvt and are of [0-9a-v]',
          'Recordings',
          testsIn('src/dialects/file-ids.test.ts')(
            'an id that is new has the shape of each form and is read back from it',
          ),
        ),
        holds(
          'Times are in UTC with up to microseconds',
          'Recordings',
          restCreate('a create as the reference prints it is answered as the reference prints it'),
        ),
        inferred(
          'A file that any other dialect made is listed, shown and downloaded',
          testsIn('test/interchange-pairs.test.ts')(
            'what … made is listed, shown and downloaded by every dialect, under every form of its id',
          ),
        ),
        holds(
          'Names are not unique',
          'Recordings',
          checklist(
            'test_file_list: a listing ends, shows every file once, and each has the content of its name',
          ),
        ),
      ],
    },
    {
      title: 'JSON',
      rules: [
        holds(
          'Keys come in camelCase and snake_case, mixed in one body',
          'Docs',
          restCreate(
            'every key may be written in either spelling, mixed and in any order, below the prefix as well',
          ),
        ),
        holds(
          'int64 comes as text or number, enums by name or number, null is unset',
          'Protos',
          json('keys come in either spelling, numbers also as text, null as absence'),
        ),
        holds(
          'Bytes are base64 in either alphabet, padded or not',
          'Protos',
          restCreate('base64 comes in either alphabet, padded or not, with escapes as some writers set them'),
        ),
        holds(
          'The body is JSON whatever its type says',
          'Docs',
          restCreate('the body is JSON whatever its type is said to be'),
        ),
        holds(
          'Answers are in camelCase, as published',
          'Docs',
          restCreate('a create as the reference prints it is answered as the reference prints it'),
        ),
        holds(
          'The live host answers in snake_case',
          'Docs',
          restCreate('snake_case answers carry the same, with every key spelled as the live host does'),
        ),
        inferred(
          'Which of the two is a setting; defaults are printed in both',
          json('answers have all their fields, named as the operator wants'),
          'ENTREPOT_YANDEX_REST_NAMES',
        ),
        inferred(
          'Unknown keys are refused by name',
          restCreate('an unknown key is refused, and nothing is stored'),
        ),
        inferred(
          'Parameters of a query come in either spelling',
          json('a query has its parameters in either spelling, and others do no harm'),
        ),
      ],
    },
    {
      title: 'headers and metadata',
      rules: [
        holds(
          'Idempotency-Key is not honoured',
          'Docs',
          python(
            'an attempt that is repeated under its idempotency key makes another file, as with the vendor',
          ),
        ),
        holds(
          'Answers carry x-request-id and x-server-trace-id',
          'Docs',
          errorTable(
            'ids of the request are told back, over REST and over gRPC, of successes and failures alike',
          ),
        ),
        holds(
          'x-client-request-id comes back, for the text of the SDK’s errors',
          'SDKs',
          python(
            'a failure is trailers alone, with the id that the SDK prints, and of a code that it does not repeat',
          ),
        ),
        holds(
          'A failure is trailers alone, or Node’s errors lose their code',
          'SDKs',
          node('every code of an error reaches the caller'),
        ),
      ],
    },
    {
      title: 'expiration',
      rules: [
        holds(
          'Without a config: SINCE_LAST_ACTIVE and 7 days, both told',
          'Recordings',
          node('a create without optional fields leaves them unset, and tells the rest'),
        ),
        holds(
          'STATIC and 5 days are kept',
          'Recordings',
          checklist(
            'test_file_expiration: seven days of rest by default, or as asked, and changed by halves',
          ),
        ),
        holds(
          'An update of days counts from the base, not from now',
          'Recordings',
          grpc('an update of the expiry counts from the creation, and a switch of policy moves nothing'),
        ),
        holds(
          'A switch to STATIC moves neither days nor end',
          'Recordings',
          grpc('an update of the expiry counts from the creation, and a switch of policy moves nothing'),
        ),
        holds(
          'An update of the name moves updatedAt, not the end',
          'Recordings',
          messages('an update changes what its mask names, in either spelling, and nothing else'),
        ),
        holds(
          'Reading, listing and GetUrl move nothing',
          'Recordings',
          sliding('touch_on=none, the default: nothing moves the end'),
        ),
        inferred(
          'What counts as activity is a setting',
          sliding('touch_on=none, the default: nothing moves the end'),
          'ENTREPOT_TOUCH_ON',
        ),
        inferred(
          'A missing half is filled in, 0 days is the default',
          messages('the expiration of a new file is filled in where it is silent'),
          'ENTREPOT_YANDEX_TTL_DAYS',
        ),
        inferred(
          'The default policy is a setting',
          settings('an operator may let files stay that name no end'),
          'ENTREPOT_YANDEX_DEFAULT_POLICY',
        ),
        inferred(
          'Days go from 1 to 365',
          messages('days out of bounds and unknown policies are refused by name'),
          'ENTREPOT_YANDEX_MAX_TTL_DAYS',
        ),
        inferred(
          'A file that has ended is not found, at once',
          errorTable('a file that has ended, or was deleted: NOT_FOUND and 404'),
        ),
        inferred(
          'Fewer days than have passed end a file at once',
          restLife('fewer days than have passed end a file at once'),
        ),
      ],
    },
    {
      title: 'content, types, names and labels',
      rules: [
        holds(
          'mime_type is echoed, and is the type of the download',
          'Recordings',
          types('a type that is given is kept as it is, and is the type of the download'),
        ),
        holds('Without it the type comes from the content', 'Protos', types('content is seen to be …')),
        holds(
          'Short ASCII text is text/plain without a charset',
          'Recordings',
          types('content is seen to be text/plain'),
        ),
        holds(
          'A file has at most 128 MB',
          'Docs',
          node('a file of the largest size arrives whole, and one byte more is refused'),
        ),
        deviates(
          'A folder has at most 10,000 files',
          'Docs',
          'one’s own disk needs no such limit; `entrepot project quota` sets one',
          testsIn('test/quota.test.ts')('files of the … can be filled to the last, and not beyond'),
        ),
        holds(
          'Cyrillic names with dots, and Cyrillic keys of labels, are taken',
          'Recordings',
          messages('names, descriptions and labels are kept as sent, in any script'),
        ),
        inferred(
          '128 MB are 134,217,728 bytes; more is INVALID_ARGUMENT',
          errorTable('content over the limit: INVALID_ARGUMENT and 400'),
          'ENTREPOT_YANDEX_MAX_FILE_BYTES',
        ),
        inferred(
          'Empty content is INVALID_ARGUMENT',
          restCreate('empty content is refused, and nothing is stored'),
        ),
        inferred(
          'Any type/subtype is taken, others are refused',
          messages('any well-formed MIME type is taken, and no other'),
        ),
        inferred(
          'Bounds of names, descriptions and labels are wide',
          messages('all that is wrong with a request is told at once'),
        ),
      ],
    },
    {
      title: 'update',
      rules: [
        holds(
          'updateMask is text with commas over REST, paths over gRPC',
          'Protos',
          json('the mask of an update is text, with paths in either spelling'),
        ),
        holds(
          'What the mask does not name stays',
          'Docs',
          messages('values outside the mask are not even judged'),
        ),
        holds(
          'What the mask names and the request does not give is reset',
          'Docs',
          messages('what the mask names and the request does not give is reset'),
        ),
        holds(
          'None clears a name in the Python SDK',
          'SDKs',
          python('update changes what its arguments name, and None clears'),
        ),
        holds(
          'Content and type cannot change',
          'Protos',
          messages('a mask that is missing or names what cannot change is refused'),
        ),
        holds(
          'Halves of the expiration are updated by themselves',
          'SDKs',
          node('halves of the expiration are updated by themselves, from the creation on'),
        ),
        holds(
          'updatedAt and updatedBy move with each update',
          'Recordings',
          restLife('update changes what the mask names, in either spelling, and nothing else'),
        ),
        deviates(
          'Without a mask all fields are updated',
          'Docs',
          'the proto requires the mask, and resetting everything by surprise loses data: INVALID_ARGUMENT',
          restLife('an update without a mask, or of what cannot change, is refused and changes nothing'),
        ),
        inferred(
          'labels are replaced as a whole',
          node('an update sets and clears labels, and nothing else'),
        ),
      ],
    },
    {
      title: 'list',
      rules: [
        holds(
          'Newest first',
          'Recordings',
          node('a listing by … pages to its end and shows every file once'),
        ),
        holds(
          'Every page with files has a token; an empty page without one ends the list',
          'Recordings',
          grpc('a listing ends with an empty page, and has a token before'),
        ),
        holds(
          'A token is the time and id of the last file, in base64',
          'Recordings',
          messages('a page token is the time and id of a file, as the vendor writes it'),
        ),
        holds(
          'Files that are deleted between pages do no harm',
          'Recordings',
          checklist('test_file_list: files deleted between pages do no harm'),
        ),
        holds(
          'page_size is 100 by default',
          'Docs',
          messages('page sizes: a hundred by default, a thousand at most, none below zero'),
        ),
        holds(
          'A page stays below the 4 MiB that clients take',
          'SDKs',
          grpc('a page stays below what clients take'),
        ),
        holds(
          'A token is URL-encoded on its way back over REST',
          'Docs',
          restLife('a page token goes out in base64, so it has to be URL-encoded on its way back'),
        ),
        inferred(
          'Above 1000 counts as 1000',
          attacks('A34: a page size below zero is refused, and a huge one lowered'),
        ),
        inferred(
          'A malformed token is INVALID_ARGUMENT',
          errorTable('a malformed page token: INVALID_ARGUMENT and 400'),
        ),
      ],
    },
    {
      title: 'GetUrl and download',
      rules: [
        holds('A URL lives 3600 seconds', 'Recordings', node('a URL lives for an hour')),
        holds(
          'It needs no credentials',
          'Recordings',
          node('the URL of a file is https, needs nothing else, and ends with the file'),
        ),
        holds(
          'The download has the type, the length, ranges, and the MD5 as ETag',
          'Recordings',
          types('a type that is given is kept as it is, and is the type of the download'),
        ),
        holds(
          'The SDK follows no redirect and gets none',
          'SDKs',
          python('download_as_bytes reads the URL without following or decoding anything'),
        ),
        holds(
          'The URL is https where the server has TLS',
          'SDKs',
          node('the URL of a file is https, needs nothing else, and ends with the file'),
        ),
        deviates(
          'Two calls in one second give one URL, presigned as S3 does it',
          'Recordings',
          'links are those of this server, with a signature of its own; clients only GET them',
          restLife(
            'the URL of a file needs no credentials, whatever way its verb is written, and ends with the file',
          ),
        ),
        deviates(
          'A download has no Content-Disposition',
          'Recordings',
          'every download is an attachment that a browser does not run',
          download('GET sends the file as an attachment, and HEAD the same headers without it'),
        ),
        inferred(
          'A URL never outlives its file; deleted is 404',
          restLife(
            'the URL of a file needs no credentials, whatever way its verb is written, and ends with the file',
          ),
        ),
        inferred(
          'The life of a URL is a setting',
          settings('an operator sets how long a URL lives'),
          'ENTREPOT_YANDEX_LINK_SECONDS',
        ),
      ],
    },
    {
      title: 'errors',
      rules: [
        holds(
          'The body over REST is google.rpc.Status, mapped to HTTP as Google does',
          'Docs',
          errors('every error has a code, a status and a body of the vendor'),
        ),
        holds('The published examples', 'Docs', errors('the answers of the published examples')),
        holds(
          'No credentials: UNAUTHENTICATED',
          'Docs',
          errorTable('no credentials and unknown ones: UNAUTHENTICATED and 401'),
        ),
        holds(
          'A folder that the key may not use: PERMISSION_DENIED',
          'Docs',
          errorTable('a folder that the key may not use: PERMISSION_DENIED and 403'),
        ),
        holds(
          'A missing field: INVALID_ARGUMENT with its name',
          'Docs',
          errorTable('no folder: INVALID_ARGUMENT and 400'),
        ),
        holds(
          'Too many requests: RESOURCE_EXHAUSTED',
          'Docs',
          errorTable('too many files and too many requests: RESOURCE_EXHAUSTED and 429'),
        ),
        holds(
          'Python retries UNAVAILABLE and RESOURCE_EXHAUSTED, so nothing lasting is either',
          'SDKs',
          errors('what clients repeat by themselves is only what may pass by itself'),
        ),
        inferred(
          'An unknown file, or one of another folder: NOT_FOUND',
          errorTable('a file of another folder: NOT_FOUND and 404'),
        ),
        inferred(
          'What cannot be called: UNIMPLEMENTED, over REST 404',
          errorTable(
            'what is not there to be called: UNIMPLEMENTED, as another method with 405, else 404 with code 5',
          ),
        ),
        inferred(
          'A storage that fails: INTERNAL; one that is away: UNAVAILABLE',
          errorTable(
            'a storage that fails: INTERNAL and 500, and nothing of it is told; one that is away: UNAVAILABLE and 503',
          ),
        ),
        inferred('A second delete: NOT_FOUND', grpc('a file goes through its whole life')),
      ],
    },
    {
      title: 'authentication and folders',
      rules: [
        holds('Bearer and Api-Key', 'Docs', grpc('knows nobody without a good key, under either scheme')),
        holds(
          'Only Create and List name the folder; the other calls find it by the file',
          'Protos',
          grpc('a key of several folders reaches the files of each, and of no other'),
        ),
        holds('A viewer sees, an editor changes', 'Docs', grpc('a key does what its scopes say')),
        holds(
          'NoAuth() sends no header',
          'SDKs',
          anonymous('who has no credentials acts for the default project, over REST and gRPC'),
        ),
        inferred(
          'It lets in programs on this machine, if the operator says so',
          anonymous('off by default'),
          'ENTREPOT_YANDEX_ANONYMOUS',
        ),
        holds(
          'Node sends an IAM token as Bearer; any text will do',
          'SDKs',
          node('a create without optional fields leaves them unset, and tells the rest'),
        ),
        inferred(
          'A folder is the UUID or slug of a project',
          grpc('a key of several folders reaches the files of each, and of no other'),
        ),
      ],
    },
    {
      title: 'discovery',
      rules: [
        holds(
          'Python lists the endpoints before its first call, without credentials',
          'SDKs',
          python('discovery answers before any credentials are sent'),
        ),
        holds(
          'An address is host:port, without a scheme',
          'SDKs',
          node('discovery tells the SDK the address that it called, whoever asks'),
        ),
        holds('REST has it at /endpoints', 'Protos', restLife('anybody may ask where the services are')),
        holds(
          'verify=False is plaintext gRPC',
          'SDKs',
          python('discovery answers before any credentials are sent'),
        ),
        holds(
          'With TLS the port of gRPC offers h2, with one certificate for both ports',
          'SDKs',
          testsIn('test/tls.test.ts')(
            'a start with ENTREPOT_TLS=self-signed says whom to trust; whoever does speaks HTTP/1.1 to one port and HTTP/2 to the other',
          ),
        ),
        inferred(
          'Over gRPC it is the address that was called, over REST the public host',
          settings('an operator sets the address that discovery tells, over gRPC and REST'),
          'ENTREPOT_YANDEX_ENDPOINT',
        ),
      ],
    },
    {
      title: 'the vendor’s own checklist',
      rules: [
        holds(
          'test_file',
          'SDKs',
          checklist('test_file: what is uploaded comes back, and each update shows its new value'),
        ),
        holds(
          'test_file_deleted',
          'SDKs',
          checklist('test_file_deleted: a deleted file is gone for every call, were the SDK to make it'),
        ),
        holds(
          'test_file_get',
          'SDKs',
          checklist('test_file_get: an upload is got by its id, as it was told'),
        ),
        holds(
          'test_file_list',
          'SDKs',
          checklist(
            'test_file_list: a listing ends, shows every file once, and each has the content of its name',
          ),
        ),
        holds(
          'test_file_expiration',
          'SDKs',
          checklist(
            'test_file_expiration: seven days of rest by default, or as asked, and changed by halves',
          ),
        ),
        holds(
          'A message of the largest file is received',
          'SDKs',
          node('a file of the largest size arrives whole, and one byte more is refused'),
        ),
      ],
    },
  ],
}

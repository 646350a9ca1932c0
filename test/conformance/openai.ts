import { type Conformance, deviates, holds, inferred, outOfScope, testsIn } from './rule.ts'

const dialectFiles = testsIn('src/dialects/openai/files.test.ts')
const dialectUploads = testsIn('src/dialects/openai/uploads.test.ts')
const files = testsIn('test/sdk/openai-files.suite.ts')
const uploads = testsIn('test/sdk/openai-uploads.suite.ts')
const whose = testsIn('test/whose-request.test.ts')
const flavours = testsIn('src/dialects/openai/flavours.test.ts')
const retries = testsIn('test/sdk/openai-retries.suite.ts')
const clients = testsIn('test/sdk/openai-flavours.suite.ts')
const smoke = testsIn('test/sdk/openai.test.ts')

export const openai: Conformance = {
  dialect: 'openai',
  clients: [
    { npm: 'openai', file: 'test/sdk/openai-sdk.ts' },
    { npm: 'openai-6', file: 'test/sdk/openai-sdk.ts' },
    { npm: 'groq-sdk', file: 'test/sdk/openai.test.ts' },
    ...['3.57.0', '1.109.1'].map((version) => ({
      name: '`openai` (Python)',
      version,
      file: `test/recordings/requests/python-openai-${version}.json`,
    })),
    {
      name: '`openai` (Python), AzureOpenAI',
      version: '3.57.0',
      file: 'test/recordings/requests/python-azure-openai-3.57.0.json',
    },
  ],
  sources: {
    OpenAPI: 'github.com/openai/openai-openapi of 2026-08',
    SDKs: 'openai 6.49.0 and 7.57.0, openai (Python) 3.57.0, groq-sdk 1.6.0: source, and what they send',
    Help: 'help.openai.com',
    Seen: 'public captures and reports of the vendor’s server',
    Azure: 'learn.microsoft.com, the Files of Azure OpenAI',
  },
  sections: [
    {
      title: 'operations',
      rules: [
        holds(
          'Files: create, list, retrieve, delete, content; Uploads: create, parts, complete, cancel',
          'OpenAPI',
          smoke('openai … stores, lists, reads and deletes a file, and makes one of parts'),
        ),
        holds(
          'Success is 200 throughout',
          'OpenAPI',
          smoke('openai … stores, lists, reads and deletes a file, and makes one of parts'),
        ),
        holds(
          'Delete answers {id, object, deleted: true}',
          'OpenAPI',
          smoke('openai … stores, lists, reads and deletes a file, and makes one of parts'),
        ),
        holds(
          'A base URL may have a prefix, and carry a query',
          'SDKs',
          files('openai …: a base URL may be of the root, have a prefix, and carry a query'),
        ),
        holds(
          'AzureOpenAI calls /openai/files?api-version= and /openai/v1/files, with api-key',
          'Azure',
          smoke('AzureOpenAI and groq-sdk store and read a file'),
        ),
        holds(
          'groq-sdk calls /openai/v1/files',
          'SDKs',
          smoke('AzureOpenAI and groq-sdk store and read a file'),
        ),
        holds(
          'What nobody else claims on a bare /v1 is OpenAI’s, which has no header of its own',
          'SDKs',
          whose('every request of … at the root is answered in the form of openai'),
        ),
        holds(
          'A header api-key is Azure’s, a user agent Groq/ Groq’s',
          'SDKs',
          flavours('the header api-key is Azure’s: its own path without a version answers a create 201'),
        ),
        holds(
          'Groq has one purpose, batch',
          'SDKs',
          flavours('Groq’s client is known by its user agent, and knows one purpose'),
        ),
        holds(
          'Azure’s create with a version in the query answers 201',
          'Azure',
          flavours('the header api-key is Azure’s: its own path without a version answers a create 201'),
        ),
        holds(
          'AzureOpenAI: every method of files',
          'SDKs',
          clients('AzureOpenAI … by …: every method of files'),
        ),
        holds(
          'AzureOpenAI: every method of uploads',
          'SDKs',
          clients('AzureOpenAI … by …: every method of uploads'),
        ),
        holds(
          'AzureOpenAI: a token in place of the key',
          'SDKs',
          clients('AzureOpenAI … by …: a token in place of the key, and a key that is none'),
        ),
        holds(
          'groq-sdk: every method of files',
          'SDKs',
          clients('groq-sdk: every method of files, and each way to send one'),
        ),
        holds('groq-sdk: errors of its own classes', 'SDKs', clients('groq-sdk: errors are its own classes')),
        outOfScope(
          'Vector stores, batches, fine-tuning, assistants',
          'OpenAPI',
          'they use files and are no part of the Files API',
        ),
        outOfScope(
          'xAI, and other services of this shape',
          'SDKs',
          'a flavour is claimed only if its own client runs in the tests',
        ),
      ],
    },
    {
      title: 'create',
      rules: [
        holds(
          'Python sends the fields first and the file last',
          'SDKs',
          testsIn('test/sdk/python-clients.ts')('python openai …, … calls at the root'),
        ),
        holds(
          'Six purposes are taken',
          'OpenAPI',
          files('openai …: an end that is asked for counts from the creation, and batches end after 30 days'),
        ),
        holds(
          'Another one is 400 with the list of them',
          'Seen',
          files('openai …: errors are those of the SDK, with message, type, param, code and request id'),
        ),
        holds(
          'A file comes as a path, a stream, a Buffer, an array, a Blob, a File or a Response',
          'SDKs',
          files('openai …: … is sent and read back'),
        ),
        holds(
          '7.x sends a Blob without a name, 6.x loses its part: 400 says so',
          'SDKs',
          files('openai …: a Blob that has no name is sent, or refused by what lacks'),
        ),
        holds(
          'A stream has no Content-Length',
          'SDKs',
          files('openai …: a large file passes in a stream, whole'),
        ),
        holds(
          'Names are raw UTF-8 with %22 for a quote; paths are stripped',
          'SDKs',
          files('openai …: a name with quotes and percents is sent and read back'),
        ),
        holds(
          'expires_after goes from 3,600 to 2,592,000 seconds, from created_at',
          'OpenAPI',
          files('openai …: an end that is asked for counts from the creation, and batches end after 30 days'),
        ),
        holds(
          'file and purpose are required',
          'OpenAPI',
          dialectFiles('a form with … is refused, and nothing is stored or counted'),
        ),
        holds(
          'Other fields of the form are 400: expires_after without brackets is none',
          'Seen',
          dialectFiles('a form with … is refused, and nothing is stored or counted'),
        ),
        inferred(
          '… unless the operator lets them pass',
          dialectFiles('unknown parts pass where the operator says so'),
          'ENTREPOT_OPENAI_UNKNOWN_FIELDS',
        ),
        holds(
          'The printed curl sends a part without a filename',
          'OpenAPI',
          dialectFiles('a part without a filename is the file all the same'),
        ),
        holds(
          'A policy of a batch file wins over the 30 days',
          'OpenAPI',
          dialectFiles('a file for batches ends after 30 days, or when the operator says'),
        ),
        holds(
          'A batch file ends after 30 days',
          'OpenAPI',
          files('openai …: an end that is asked for counts from the creation, and batches end after 30 days'),
        ),
        inferred(
          'Those days are a setting',
          files('openai …: an end that is asked for counts from the creation, and batches end after 30 days'),
          'ENTREPOT_OPENAI_BATCH_DAYS',
        ),
        holds(
          'To a strict key fine-tune and batch take .jsonl alone',
          'Seen',
          files('openai …: a key that is strict gets what the vendor refuses'),
        ),
        deviates(
          'fine-tune and batch take .jsonl alone',
          'OpenAPI',
          'the bytes are their owner’s; strict keys are held to it',
          files('openai …: an end that is asked for counts from the creation, and batches end after 30 days'),
          'ENTREPOT_FIDELITY',
        ),
        holds(
          'Purposes of the service, as batch_output, cannot be uploaded',
          'OpenAPI',
          dialectFiles('a form with … is refused, and nothing is stored or counted'),
        ),
        deviates(
          'Streams write a line end in a name as %0A, %0D, and a backslash as %5C',
          'SDKs',
          'names are as the form has them, but for %22: a percent sign in a name is more likely than a line end',
          testsIn('src/intake/multipart/headers.test.ts')(
            'keeps the line ends that Node’s FormData escapes in names',
          ),
        ),
        deviates(
          'A file has at most 512 MB',
          'OpenAPI',
          'one’s own disk takes more; strict keys are held to it',
          files('openai …: a file over the limit is refused, and nothing of it stays'),
          'ENTREPOT_OPENAI_MAX_FILE_BYTES',
        ),
        inferred('An empty file is a file', files('openai …: a file of no bytes is one, too')),
        inferred(
          'A file that is too large is 413 with param file',
          files('openai …: a file over the limit is refused, and nothing of it stays'),
        ),
        outOfScope(
          'assistants: at most two million tokens',
          'OpenAPI',
          'tokens are counted by who uses the file',
        ),
      ],
    },
    {
      title: 'content and expiry',
      rules: [
        holds(
          'To a strict key content of user_data, assistants and vision is 400',
          'Seen',
          files('openai …: a key that is strict gets what the vendor refuses'),
        ),
        deviates(
          'Content of user_data is refused',
          'Seen',
          'the bytes are their owner’s, unless the key is strict',
          files('openai …: … is sent and read back'),
          'ENTREPOT_FIDELITY',
        ),
        holds(
          'waitForProcessing ends at once: status is processed',
          'SDKs',
          smoke('openai … stores, lists, reads and deletes a file, and makes one of parts'),
        ),
        inferred(
          'A file that any other dialect made is listed, shown and downloaded',
          testsIn('test/interchange-pairs.test.ts')(
            'what … made is listed, shown and downloaded by every dialect, under every form of its id',
          ),
        ),
        holds(
          'Content comes with any type, and with x-request-id',
          'SDKs',
          dialectFiles('content has ranges, HEAD and safe headers, and a request id is on every answer'),
        ),
        inferred(
          'A file of another API, of no purpose of OpenAI’s, is one of user_data',
          dialectFiles('a file of another purpose, or of none, is one of user_data'),
        ),
        holds(
          'Ids begin with file- and have at most 64 characters',
          'Seen',
          dialectFiles('ids are short, and every form of one finds its file'),
        ),
        holds(
          'expires_at and status_details are null, status is processed',
          'Seen',
          smoke('openai … stores, lists, reads and deletes a file, and makes one of parts'),
        ),
        inferred(
          'A file that has ended is 404 and in no list',
          files('openai …: a file that has ended is gone everywhere'),
        ),
      ],
    },
    {
      title: 'list',
      rules: [
        holds(
          'limit is 10,000, from 1 to it; order is desc',
          'OpenAPI',
          files('openai …: paging visits every file once, in both orders, to the end'),
        ),
        holds(
          'after is the id of the last file; purpose filters',
          'OpenAPI',
          files('openai …: paging visits every file once, in both orders, to the end'),
        ),
        holds(
          'object, data, first_id, last_id and has_more are always there',
          'OpenAPI',
          files('openai …: a list of no files is empty, and has no cursors'),
        ),
        inferred(
          'first_id and last_id of an empty list are null',
          files('openai …: a list of no files is empty, and has no cursors'),
        ),
        inferred(
          'A cursor whose file was deleted works on',
          files('openai …: paging visits every file once, in both orders, to the end'),
        ),
        inferred(
          'An unknown purpose finds nothing',
          files('openai …: paging visits every file once, in both orders, to the end'),
        ),
        holds(
          'Paging needs no page that is empty with more to come',
          'SDKs',
          files('openai …: paging visits every file once, in both orders, to the end'),
        ),
        inferred(
          'after may be a file that has ended',
          dialectFiles('lists go on behind a file that has ended, and refuse what is no cursor'),
        ),
        inferred(
          'An unknown after is 400',
          files('openai …: errors are those of the SDK, with message, type, param, code and request id'),
        ),
      ],
    },
    {
      title: 'uploads',
      rules: [
        holds(
          'An upload is pending, with its session’s expires_at an hour on and file null',
          'OpenAPI',
          uploads(
            'openai …: parts that come at once, out of order, left out and repeated make the file that is named',
          ),
        ),
        holds(
          'bytes, filename, mime_type and purpose are required',
          'OpenAPI',
          dialectUploads('an upload that cannot be is refused with its field, and counts nothing'),
        ),
        holds(
          'A part is one form with data; its answer has id, object, created_at and upload_id',
          'OpenAPI',
          dialectUploads('a part is one form with its bytes, and nothing else'),
        ),
        holds(
          'Python cancels with a JSON type and no body',
          'SDKs',
          dialectUploads(
            'a cancel may be sent again, with an empty JSON body, too, and a session ends after an hour',
          ),
        ),
        holds(
          'part_ids is required',
          'OpenAPI',
          dialectUploads('a completion that cannot be is refused, and the upload goes on'),
        ),
        inferred(
          'An upload is nobody else’s',
          dialectUploads(
            'an upload is nobody else’s: other projects, keys without the scope, and files do not find it',
          ),
        ),
        inferred(
          'Parts that are sent again are kept up to twice the size and one part',
          uploads('openai …: bounds of an upload and of a part hold'),
        ),
        holds(
          'Parts come at once and in any order; part_ids decide',
          'OpenAPI',
          uploads(
            'openai …: parts that come at once, out of order, left out and repeated make the file that is named',
          ),
        ),
        holds(
          'The sum has to be bytes',
          'OpenAPI',
          uploads(
            'openai …: foreign, unknown, repeated and too few parts are refused, and the upload goes on',
          ),
        ),
        holds(
          'md5 is compared',
          'OpenAPI',
          uploads(
            'openai …: parts that come at once, out of order, left out and repeated make the file that is named',
          ),
        ),
        holds(
          'An upload has at most 8 GB, a part 64 MB',
          'OpenAPI',
          uploads('openai …: bounds of an upload and of a part hold'),
        ),
        holds(
          'After an hour it is expired, and its bytes are dropped',
          'OpenAPI',
          uploads('openai …: an upload that is over takes nothing, and its bytes are gone'),
        ),
        holds(
          '1 GiB comes in parts of 64 MiB',
          'SDKs',
          uploads('1 GiB comes in parts of 64 MiB, eight at a time, and costs no memory'),
        ),
        inferred(
          'An unknown upload is 404',
          uploads('openai …: an upload that is over takes nothing, and its bytes are gone'),
        ),
        inferred(
          'A mime_type of any kind is taken',
          uploads('1 GiB comes in parts of 64 MiB, eight at a time, and costs no memory'),
        ),
        inferred(
          'The file’s end counts from its completion',
          uploads('openai …: an MD5 may be in base64, and the end of the file counts from its completion'),
        ),
        inferred(
          'md5 may be in base64, and in capitals',
          uploads('openai …: an MD5 may be in base64, and the end of the file counts from its completion'),
        ),
        inferred(
          'Foreign, unknown and repeated parts are 400',
          uploads(
            'openai …: foreign, unknown, repeated and too few parts are refused, and the upload goes on',
          ),
        ),
        inferred(
          'Complete with the same parts answers the same upload again',
          uploads(
            'openai …: parts that come at once, out of order, left out and repeated make the file that is named',
          ),
        ),
        inferred(
          'Cancel twice is cancelled',
          uploads('openai …: an upload that is over takes nothing, and its bytes are gone'),
        ),
        inferred(
          'Complete and cancel at once have one outcome',
          uploads('openai …: a complete and a cancel at the same time have one outcome'),
        ),
      ],
    },
    {
      title: 'errors',
      rules: [
        holds(
          'The envelope is error with message, type, param and code',
          'OpenAPI',
          files('openai …: errors are those of the SDK, with message, type, param, code and request id'),
        ),
        holds(
          '401 invalid_api_key',
          'Seen',
          files('openai …: errors are those of the SDK, with message, type, param, code and request id'),
        ),
        holds(
          '404 “No such File object: …” with param id',
          'Seen',
          files('openai …: errors are those of the SDK, with message, type, param, code and request id'),
        ),
        holds(
          'Every answer has x-request-id',
          'SDKs',
          files('openai …: errors are those of the SDK, with message, type, param, code and request id'),
        ),
        holds(
          'OpenAI-Organization and OpenAI-Project are taken',
          'SDKs',
          files('openai …: errors are those of the SDK, with message, type, param, code and request id'),
        ),
        holds(
          '5xx and 429 are repeated twice; a store that is full is not asked again',
          'SDKs',
          retries('openai …: a store that is away for a moment is asked again, one that is full is not'),
        ),
        holds(
          'A rate limit is waited for',
          'SDKs',
          retries('openai …: a limit is waited for, as long as it says'),
        ),
        holds('A stream is sent once', 'SDKs', retries('openai …: a stream is sent once')),
        holds('4xx is asked once', 'SDKs', retries('openai …: what a repeat cannot mend is asked once')),
        holds(
          'retry-after is never above 60 s, which SDKs would not obey',
          'SDKs',
          flavours('nobody is told to wait for longer than a minute, and a conflict is no 409'),
        ),
        holds(
          '409 would be repeated: a conflict is 400',
          'SDKs',
          flavours('nobody is told to wait for longer than a minute, and a conflict is no 409'),
        ),
        holds(
          'To a strict key 2.5 TB a project, 200 MB a batch file',
          'OpenAPI',
          flavours('a strict key gets the refusals of the vendor, an open one its bytes'),
        ),
        inferred(
          'A body that is no form is 400',
          dialectFiles('a body that is no form, or none, is refused'),
        ),
        deviates(
          '1000 files a minute and user may be made',
          'OpenAPI',
          'one limit holds for all APIs of this server, by organization',
          flavours('nobody is told to wait for longer than a minute, and a conflict is no 409'),
          'ENTREPOT_RATE_LIMITS',
        ),
        deviates(
          'A project has at most 2.5 TB',
          'Help',
          'quotas are the operator’s, by `entrepot project quota`; strict keys are held to it',
          flavours('a strict key gets the refusals of the vendor, an open one its bytes'),
          'ENTREPOT_FIDELITY',
        ),
        inferred(
          'A project that the key may not use is 403',
          files('openai …: errors are those of the SDK, with message, type, param, code and request id'),
        ),
      ],
    },
  ],
}

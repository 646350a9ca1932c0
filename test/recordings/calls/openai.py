# What `openai` for Python is asked to do; play.py runs it.
import io
from pathlib import Path

import openai
from openai.pagination import SyncCursorPage
from openai.types import FileDeleted, FileObject, Upload
from openai.types.uploads import UploadPart

models(file=FileObject, deleted=FileDeleted, page=SyncCursorPage[FileObject], upload=Upload, part=UploadPart)
Path("notes.txt").write_bytes(b"content\n")
Path("requests.jsonl").write_bytes(b'{"custom_id": "1"}\n')
Path("Überblick – 要約.txt").write_bytes(b"content\n")
Path("empty.txt").write_bytes(b"")
client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, organization="org-1", project="proj_1")

file = client.files.create(file=open("notes.txt", "rb"), purpose="user_data")
client.files.create(file=Path("Überblick – 要約.txt"), purpose="assistants")
client.files.create(file=b"\x00\xff\xfe raw bytes \r\n", purpose="user_data")
client.files.create(file=("a \"quoted\" name.txt", b"content\n", "text/plain"), purpose="user_data")
client.files.create(file=io.BytesIO(b"content\n"), purpose="vision")
client.files.create(file=Path("empty.txt"), purpose="user_data")
client.files.create(
    file=Path("requests.jsonl"), purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
)
client.files.retrieve(file.id)
client.files.wait_for_processing(file.id)
client.files.content(file.id).read()
client.files.retrieve_content(file.id)
client.files.with_raw_response.retrieve(file.id).parse()
client.files.list()
list(client.files.list(limit=1, order="asc", purpose="assistants", extra_query={"note": "x"}).iter_pages())
[page for page, _ in zip(client.files.list(limit=1, order="desc").iter_pages(), range(2))]
client.files.delete(file.id)
try:
    client.files.retrieve("file-missing")
except openai.NotFoundError:
    pass

upload = client.uploads.create(bytes=8, filename="notes.txt", mime_type="text/plain", purpose="user_data")
first = client.uploads.parts.create(upload.id, data=b"cont")
second = client.uploads.parts.create(upload.id, data=io.BytesIO(b"ent\n"))
client.uploads.complete(upload.id, part_ids=[first.id, second.id], md5="f75b8179e4bbe7e2b4a074dcef62de95")
kept = client.uploads.create(
    bytes=4,
    filename="requests.jsonl",
    mime_type="text/jsonl",
    purpose="batch",
    expires_after={"anchor": "created_at", "seconds": 7200},
)
client.uploads.cancel(kept.id)
client.uploads.upload_file_chunked(file=Path("notes.txt"), mime_type="text/plain", purpose="user_data", part_size=3)
client.uploads.upload_file_chunked(
    file=b"content\n", filename="bytes.txt", bytes=8, mime_type="text/plain", purpose="user_data"
)


async def of_the_async_client():
    async with openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY) as client:
        file = await client.files.create(file=Path("notes.txt"), purpose="user_data")
        await client.files.retrieve(file.id)
        await client.files.list()
        await (await client.files.content(file.id)).aread()
        await client.uploads.upload_file_chunked(
            file=Path("notes.txt"), mime_type="text/plain", purpose="user_data", part_size=5
        )
        await client.files.delete(file.id)


run(of_the_async_client())

# What `anthropic` for Python is asked to do; play.py runs it.
import io
from pathlib import Path

import anthropic

from anthropic.pagination import SyncPage, SyncPageCursor
from anthropic.types import DeletedFile, FileMetadata

models(
    file=FileMetadata, deleted=DeletedFile, page=SyncPageCursor[FileMetadata], betaPage=SyncPage[FileMetadata]
)
Path("notes.txt").write_bytes(b"content\n")
Path("Überblick – 要約.txt").write_bytes(b"content\n")
Path("empty.txt").write_bytes(b"")
client = anthropic.Anthropic(base_url=URL, api_key=KEY)

file = client.files.upload(file=open("notes.txt", "rb"))
client.files.upload(file=Path("Überblick – 要約.txt"))
client.files.upload(file=b"\x00\xff\xfe raw bytes \r\n")
client.files.upload(file=("a \"quoted\" name.txt", io.BytesIO(b"content\n"), "text/plain"))
client.files.upload(file=("in/a/folder.pdf", b"%PDF-1.4\n"))
client.files.upload(file=Path("empty.txt"))
client.files.upload(file=Path("notes.txt"), expires_in_seconds=3600)
client.files.retrieve_metadata(file.id)
client.files.download(file.id).read()
client.files.list()
[page for page, _ in zip(client.files.list(limit=1).iter_pages(), range(2))]
client.files.list(ids=[file.id, "file_missing"])
client.files.delete(file.id)
try:
    client.files.retrieve_metadata("file_missing")
except anthropic.NotFoundError:
    pass

beta = client.beta.files.upload(file=Path("notes.txt"))
client.beta.files.retrieve_metadata(beta.id)
client.beta.files.download(beta.id).read()
[page for page, _ in zip(client.beta.files.list(limit=1).iter_pages(), range(2))]
client.beta.files.list(betas=["files-api-2025-04-14"])
client.beta.files.delete(beta.id)


async def of_the_async_client():
    async with anthropic.AsyncAnthropic(base_url=URL, api_key=KEY) as client:
        files = client.files if hasattr(client, "files") else client.beta.files
        file = await files.upload(file=Path("notes.txt"))
        await files.retrieve_metadata(file.id)
        await files.list()
        await (await files.download(file.id)).read()
        await files.delete(file.id)


run(of_the_async_client())

# What `google-genai` for Python is asked to do; play.py runs it.
import io
from pathlib import Path

from google import genai
from google.oauth2.credentials import Credentials
from pydantic import BaseModel
from google.genai import errors, types


class Uploaded(BaseModel):
    file: types.File


models(file=types.File, page=types.ListFilesResponse, uploaded=Uploaded)
Path("notes.txt").write_bytes(b"content\n")
Path("empty.txt").write_bytes(b"")
Path("large.bin").write_bytes(b"x" * (8 * 1024 * 1024 + 5))
client = genai.Client(api_key=KEY, http_options={"base_url": URL})

file = client.files.upload(file="notes.txt")
named = client.files.upload(
    file=Path("notes.txt"),
    config={"name": "my-notes-1", "display_name": "Überblick – 要約", "mime_type": "text/markdown"},
)
client.files.upload(file=io.BytesIO(b"content\n"), config={"mime_type": "text/plain"})
client.files.upload(file="empty.txt")
client.files.upload(file="large.bin", config={"mime_type": "application/octet-stream"})
client.files.get(name=file.name)
client.files.get(name="files/my-notes-1")
client.files.download(file=file)
client.files.download(file=file.name)
client.files.list()
[page for page, _ in zip(client.files.list(config={"page_size": 1}), range(2))]
client.files.delete(name=named.name)
try:
    client.files.get(name="missing")
except errors.ClientError:
    pass
try:
    client.files.register_files(auth=Credentials(token="recorded-token"), uris=["gs://bucket/object"])
except errors.ClientError:
    pass

beta = genai.Client(api_key=KEY, http_options={"base_url": URL, "api_version": "v1beta"})
old = beta.files.upload(file="notes.txt")
beta.files.get(name=old.name)
beta.files.list()
beta.files.delete(name=old.name)
elsewhere = genai.Client(api_key=KEY)
there = elsewhere.files.upload(file="notes.txt", config={"http_options": {"base_url": URL}})
elsewhere.files.get(name=there.name, config={"http_options": {"base_url": URL}})


async def of_the_async_client():
    client = genai.Client(api_key=KEY, http_options={"base_url": URL}).aio
    file = await client.files.upload(file="notes.txt")
    await client.files.get(name=file.name)
    await client.files.list()
    await client.files.download(file=file)
    await client.files.delete(name=file.name)


run(of_the_async_client())

# What `mistralai` for Python is asked to do; play.py runs it.
import io
from pathlib import Path

try:
    from mistralai.client import Mistral, errors, models as types
except ImportError:
    from mistralai import Mistral, models as types
    from mistralai import models as errors

models(
    uploaded=getattr(types, "CreateFileResponse", None) or types.UploadFileOut,
    file=getattr(types, "GetFileResponse", None) or types.RetrieveFileOut,
    page=getattr(types, "ListFilesResponse", None) or types.ListFilesOut,
    deleted=getattr(types, "DeleteFileResponse", None) or types.DeleteFileOut,
    url=getattr(types, "GetSignedURLResponse", None) or types.FileSignedURL,
)
Path("requests.jsonl").write_bytes(b'{"custom_id": "1"}\n')
Path("Überblick – 要約.pdf").write_bytes(b"%PDF-1.4\n")
client = Mistral(api_key=KEY, server_url=URL)

file = client.files.upload(
    file={"file_name": "requests.jsonl", "content": open("requests.jsonl", "rb")}, purpose="batch"
)
client.files.upload(file={"file_name": "Überblick – 要約.pdf", "content": b"%PDF-1.4\n"}, purpose="ocr")
client.files.upload(file={"file_name": "raw.bin", "content": b"\x00\xff\xfe raw bytes \r\n"})
client.files.upload(file={"file_name": "in memory.jsonl", "content": io.BytesIO(b"{}\n")}, purpose="fine-tune")
client.files.upload(file={"file_name": "empty.txt", "content": b""}, purpose="ocr")
client.files.upload(
    file={"file_name": "notes.txt", "content": b"content\n", "content_type": "text/plain"},
    purpose="ocr",
    expiry=24,
    visibility="user",
)
client.files.retrieve(file_id=file.id)
client.files.download(file_id=file.id).read()
client.files.get_signed_url(file_id=file.id)
client.files.get_signed_url(file_id=file.id, expiry=168)
client.files.list()
client.files.list(page=0, page_size=1)
client.files.list(page=0, page_size=1, include_total=False, mimetypes=["application/pdf", "image/png"])
client.files.list(
    page=1, page_size=100, sample_type=["batch_request"], source=["upload", "mistral"], search="a b&c", purpose="batch"
)
client.files.delete(file_id=file.id)
try:
    client.files.retrieve(file_id="00000000-0000-0000-0000-000000000000")
except errors.SDKError:
    pass


async def of_the_async_client():
    async with Mistral(api_key=KEY, server_url=URL) as client:
        file = await client.files.upload_async(
            file={"file_name": "requests.jsonl", "content": b"{}\n"}, purpose="batch"
        )
        await client.files.retrieve_async(file_id=file.id)
        await client.files.list_async()
        await (await client.files.download_async(file_id=file.id)).aread()
        await client.files.get_signed_url_async(file_id=file.id)
        await client.files.delete_async(file_id=file.id)


run(of_the_async_client())

# What `openai` for Python is asked to do at Azure's address; play.py runs it.
from pathlib import Path

import openai
from openai.pagination import SyncCursorPage
from openai.types import FileDeleted, FileObject

models(file=FileObject, deleted=FileDeleted, page=SyncCursorPage[FileObject])
Path("requests.jsonl").write_bytes(b'{"custom_id": "1"}\n')
client = openai.AzureOpenAI(azure_endpoint=URL, api_key=KEY, api_version="2025-03-01-preview")
v1 = openai.OpenAI(base_url=f"{URL}/openai/v1/", api_key=KEY, default_headers={"api-key": KEY})

file = client.files.create(file=Path("requests.jsonl"), purpose="batch")
client.files.retrieve(file.id)
client.files.content(file.id).read()
client.files.list()
client.files.delete(file.id)
other = v1.files.create(
    file=Path("requests.jsonl"), purpose="batch", expires_after={"anchor": "created_at", "seconds": 1209600}
)
v1.files.list(limit=1)
v1.files.delete(other.id)

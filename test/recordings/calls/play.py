"""Plays a file of calls, statement by statement: python play.py openai.py http://127.0.0.1:1234 key

Before each statement, the server is told its source text, so that it knows which call the requests belong to. A statement
that the installed version cannot make (an argument or a method that it lacks) is skipped with a note.
"""

import ast
import asyncio
import http.client
import json
import os
import sys
import tempfile
import urllib.parse
from pathlib import Path

OUR_PATHS = {"call": "/-/call", "models": "/-/models"}


def tell(url, what, text):
    host = urllib.parse.urlsplit(url).netloc
    connection = http.client.HTTPConnection(host)
    connection.request("PUT", OUR_PATHS[what], text.encode())
    connection.getresponse().read()
    connection.close()


def without_prose(schema):
    """The rules of a JSON Schema alone; `properties` has names, which may be those of rules."""
    if isinstance(schema, list):
        return [without_prose(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {key: without_prose(rule) for key, rule in part.items()} if name == "properties" else without_prose(part)
        for name, part in schema.items()
        if name not in ("title", "description", "default", "examples")
    }


def main():
    file, url, key = sys.argv[1:]
    source = Path(file).read_text()
    sys.path.remove(str(Path(__file__).parent))  # openai.py is no openai

    def models(**by_kind):
        schemas = {kind: without_prose(model.model_json_schema()) for kind, model in by_kind.items()}
        tell(url, "models", json.dumps(schemas))

    names = {"URL": url, "KEY": key, "models": models, "run": asyncio.run}
    os.chdir(tempfile.mkdtemp())
    for statement in ast.parse(source).body:
        text = ast.get_source_segment(source, statement)
        tell(url, "call", text)
        try:
            exec(compile(ast.Module([statement], []), file, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        except (TypeError, AttributeError, ValueError) as error:
            print(f"{Path(file).name}: skipped {text!r}: {str(error).splitlines()[0]}", file=sys.stderr)


main()

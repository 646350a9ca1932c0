"""A real Entrepot for tests with pytest: copy this file beside your `conftest.py`, and import its fixture there.

Needs Python 3.9 or newer and nothing but its standard library, and Node 24 or newer on the PATH. The server is started by
`npx --yes entrepot serve`, or by the command in ENTREPOT_COMMAND (`entrepot serve`, `node bin/entrepot.js serve`).
"""

import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from typing import Any, Iterator, Optional, Union

import pytest

START_SECONDS = 120
COMMAND = "npx --yes entrepot serve"

# Ends the server once the pipe to this process is closed: by `stop`, or by the end of this process, however it ends.
END_WITH_PARENT = """
import os, shutil, signal, sys
sys.stdin.read()
try:
    os.killpg(int(sys.argv[1]), signal.SIGKILL)
except ProcessLookupError:
    pass
shutil.rmtree(sys.argv[2], ignore_errors=True)
"""

# What is on this machine is not asked through a proxy of the environment.
open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class Entrepot:
    """A server of its own, on free ports of 127.0.0.1, in a folder that is removed with it."""

    def __init__(self, command: Optional[str] = None, **settings: str) -> None:
        """Starts it. `settings` are those of the server: `ENTREPOT_FIDELITY="strict"`. Rate limits are off unless set."""
        self.key = "root-" + secrets.token_urlsafe(24)
        self._folder = tempfile.mkdtemp(prefix="entrepot-pytest-")
        env = {name: value for name, value in os.environ.items() if not name.startswith("ENTREPOT_")}
        env.update(
            ENTREPOT_EMULATOR="on",
            ENTREPOT_HOST="127.0.0.1",
            ENTREPOT_PORT="0",
            ENTREPOT_GRPC_PORT="off",
            ENTREPOT_METRICS_PORT="off",
            ENTREPOT_RATE_LIMITS="off",
            ENTREPOT_LOG_FORMAT="json",
            ENTREPOT_LOG_LEVEL="info",
            ENTREPOT_DATA_DIR=os.path.join(self._folder, "data"),
            ENTREPOT_ROOT_KEY=self.key,
        )
        env.update(settings)
        given = shlex.split(command or os.environ.get("ENTREPOT_COMMAND") or COMMAND)
        # A group of its own, since npx does not pass every signal on.
        try:
            self._process = subprocess.Popen(
                given, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
            )
        except OSError:
            shutil.rmtree(self._folder)
            raise
        guard = [sys.executable, "-c", END_WITH_PARENT, str(self._process.pid), self._folder]
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, start_new_session=True)
        late = threading.Timer(START_SECONDS, self._kill)
        late.start()
        try:
            self.url = self._listening()
        except BaseException:
            self.stop()
            raise
        finally:
            late.cancel()
        # A log that nobody reads would stop the server once the pipe is full.
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def _listening(self) -> str:
        said = []
        for line in self._process.stdout:
            said.append(line.decode(errors="replace"))
            if b'"msg":"listening"' in line:
                return json.loads(line)["http"]
        raise RuntimeError("Entrepot did not start.\n" + "".join(said))

    def base_url(self, api: str) -> str:
        """For the SDK of `openai`, `anthropic`, `gemini`, `mistral`, `llamacloud`, `lightfield` or `yandex`."""
        return f"{self.url}/{api}" + ("/v1" if api == "openai" else "")

    def advance_time(self, by: Union[float, str]) -> str:
        """Seconds, or a text like "1d12h". What has ended by then is gone when this returns."""
        return self._ask("POST", "clock", {"advance": by})["now"]

    def freeze_time(self, frozen: bool = True) -> str:
        return self._ask("POST", "clock", {"freeze": frozen})["now"]

    def inject_fault(self, route: str, **fault: Any) -> str:
        """What goes wrong with the next requests of a route: `status=503`, `loseAnswer=True`, … (docs/emulator.md)."""
        return self._ask("POST", "faults", {"route": route, **fault})["id"]

    def clear_faults(self) -> None:
        self._ask("DELETE", "faults")

    def journal(self, since: int = 0) -> list:
        """The last requests: method, route, status, ids; nothing secret."""
        return self._ask("GET", f"journal?since={since}")["entries"]

    def reset(self) -> None:
        """Forgets everything but the key."""
        self._ask("POST", "reset")

    def stop(self) -> None:
        self._guard.stdin.close()
        self._guard.wait()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def _ask(self, method: str, path: str, body: Optional[dict] = None) -> Any:
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/-/{path}", data, headers, method=method)
        try:
            with open_url(request) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error)["error"]["message"]) from None
        return json.loads(text) if text else None


@pytest.fixture(scope="session")
def entrepot_server() -> Iterator[Entrepot]:
    """One server for all tests."""
    server = Entrepot()
    yield server
    server.stop()


@pytest.fixture
def entrepot(entrepot_server: Entrepot) -> Iterator[Entrepot]:
    """The server, empty."""
    entrepot_server.reset()
    yield entrepot_server

"""A local cloud in a process of its own, for the tests that need a whole one."""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.config import Config

from tests import clients, permissions

PROJECT = Path(__file__).resolve().parent.parent
START_SECONDS = 300.0
END_SECONDS = 120.0


def _end_with_parent() -> None:
    """Have the kernel end this process when the one that started it is killed (Linux only)."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


class CloudProcess:
    """`python -m localcloud.server` on a folder, on a port that is free.

    Its account is a new one of AWS, `small`, unless a test says why it needs another: ten functions
    at once, and whoever asks for more is throttled. What roles did in an `audited` one is held
    against the grants of the template at the end. The code is that of the checkout `project`.
    """

    def __init__(
        self,
        data_dir: Path,
        *options: str,
        account: str = "small",
        audited: bool = False,
        project: Path = PROJECT,
    ) -> None:
        self.data_dir = data_dir
        self._project = project
        self._options = (*(() if account == "laptop" else ("--account", account)), *options)
        self._audited = audited
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[str, Any] = {}
        self._said: Mapping[str, Any] = {}

    @property
    def endpoint_url(self) -> str:
        return str(self._said["endpoint_url"])

    @property
    def api_key(self) -> str:
        return str(self._said["api_key"])

    @property
    def outputs(self) -> Mapping[str, str]:
        outputs: Mapping[str, str] = self._said["outputs"]
        return outputs

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.data_dir / "server.log").read_text()

    def start(self, port: int = 0) -> CloudProcess:
        """Start it and return once it is ready; a failed start shows its log."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        ready = self.data_dir / "server.ready"
        where = ["--data-dir", str(self.data_dir), *self._options]
        with ready.open("wb") as out, (self.data_dir / "server.log").open("ab") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "localcloud.server", "--port", str(port), *where],
                cwd=self._project,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                preexec_fn=_end_with_parent,
            )
        deadline = time.monotonic() + START_SECONDS
        while not ready.read_bytes().endswith(b"\n"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"the local cloud did not start:\n{self.log[-4000:]}")
            time.sleep(0.05)
        self._said = json.loads(ready.read_text())
        return self

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power failure would: kill -9."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(END_SECONDS)
            self._process = None
            if self._audited:
                permissions.keep(self.data_dir)

    def client(self, service: str) -> Any:
        """A boto3 client, as a user would make one."""
        if service not in self._clients:
            config = Config(
                retries={"total_max_attempts": 1},
                inject_host_prefix=False,
                s3={"addressing_style": "path"},
            )
            made = clients.client(service, endpoint_url=self.endpoint_url, config=config)
            self._clients[service] = made
        return self._clients[service]

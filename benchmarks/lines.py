"""Request and response with another process by lines of JSON. Standard library only."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def serve(ready: Mapping[str, Any], answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Write `ready`, then answer each line of standard input until it ends."""
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


class Peer:
    """The other process, and its first message."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.ready: dict[str, Any] = self._read()

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to `question`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended before it answered")
        message: dict[str, Any] = json.loads(line)
        return message


@contextmanager
def peer(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Peer]:
    """Run `command` in `folder`, and stop it at the end of the block."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=pipe, stdout=pipe, text=True
    ) as process:
        try:
            yield Peer(process)
        finally:
            process.terminate()

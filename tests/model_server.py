"""A server of OpenAI's API in the test's own process, which answers by a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Write = Callable[[bytes], object]


@dataclass
class Scene:
    """One answer: status, headers and body, or the pieces that `play` writes as it likes."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    play: Callable[[Write], object] | None = None


@dataclass
class ModelServer:
    """What the server was asked, with which keys, and the scenes that it plays or chooses."""

    url: str
    scenes: list[Scene]
    choose: Callable[[dict[str, Any]], Scene] | None = None
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)

    def next_scene(self, body: dict[str, Any]) -> Scene:
        """Return the answer to a body, which is empty for a list of models."""
        if self.choose is not None:
            return self.choose(body)
        return self.scenes.pop(0) if len(self.scenes) > 1 else self.scenes[0]


def completion(text: str = "Hello.", finish: str = "stop", **changes: Any) -> dict[str, Any]:
    """Return a chat completion as servers write it."""
    message = {"role": "assistant", "content": text}
    return {
        "model": "tiny:1b",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3},
        **changes,
    }


def chunk(text: str = "", finish: str | None = None, **changes: Any) -> bytes:
    """Return one event of a streamed completion."""
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice], **changes}).encode() + b"\n\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, state: ModelServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: dict[str, Any]) -> None:
        assert isinstance(self.server, _Server)
        state = self.server.state
        if body:
            state.asked.append((self.path, body))
            state.keys.append(self.headers.get("Authorization", ""))
        try:
            self._play(state.next_scene(body))
        except OSError:  # whoever asked went away
            state.gone.set()

    def _play(self, scene: Scene) -> None:
        raw = scene.body if isinstance(scene.body, bytes) else json.dumps(scene.body).encode()
        self.send_response(scene.status)
        for name, value in scene.headers.items():
            self.send_header(name, value)
        if scene.play is None:
            self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if scene.play is None:
            self.wfile.write(raw)
        else:
            scene.play(self.wfile.write)

    def log_message(self, *arguments: object) -> None:
        """Stay silent."""


@contextmanager
def model_server(
    *scenes: Scene, choose: Callable[[dict[str, Any]], Scene] | None = None
) -> Iterator[ModelServer]:
    """Run a server that plays `scenes`, the last one again and again, or what `choose` returns."""

    state = ModelServer("", list(scenes), choose)
    server = _Server(state)
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""A Headrace that answers over HTTP on loopback, from memory."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "hr_" + "k" * 40
Json = dict[str, Any]


@dataclass
class FakeHeadrace:
    """Keeps documents; a path that begins with `bad` is rejected, with `lost` never settles,
    with `shaky` fails until it was tried again, with `broken` then, too. Announcing one that
    begins with `gone` ends it: from then on something else answers.

    `failures` are statuses to answer with before anything else, first come first served.
    """

    documents: dict[str, Json] = field(default_factory=dict)
    failures: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    requests: list[tuple[str, str, Json]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    answer: Json = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    """Bodies behind signed addresses, by path; they need no key."""
    shown: dict[str, Json] = field(default_factory=dict)
    """Responses to GET, by path with its query."""
    redirects: dict[str, Json] = field(default_factory=dict)
    refusals: dict[str, Json] = field(default_factory=dict)
    """Bodies of redirects to their `url`, by path with its query."""
    announced: dict[str, Json] = field(default_factory=dict)
    """The metadata that each path was announced with last."""
    url: str = ""
    gone: bool = False

    def create(self, body: Json) -> tuple[int, Json]:
        if body["bytes"] == 0:
            return 400, error("InvalidInput", "The file is empty.", "bytes", "1")
        document_id = "doc_" + hashlib.sha256(body["path"].encode()).hexdigest()[:24]
        self.announced[body["path"]] = body.get("metadata", {})
        upload = {"url": f"{self.url}/bucket", "fields": {"key": body["path"]}}
        return 201, {"document_id": document_id, "upload": upload, "expires_at": "2026-01-01"}

    def store(self, form: bytes) -> None:
        path = re.findall(rb'name="key"\r\n\r\n(.*?)\r\n', form)[0].decode()
        content = form.split(b'name="file"')[1].split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]
        if path.startswith("lost"):
            return
        document_id = "doc_" + hashlib.sha256(path.encode()).hexdigest()[:24]
        rejected = path.startswith("bad")
        failed = path.startswith(("shaky", "broken"))
        self.documents[document_id] = {
            "document_id": document_id,
            "version": "v_" + hashlib.sha256(content).hexdigest()[:24],
            "latest_version": f"v_{len(self.requests)}",
            "collection": "default",
            "path": path,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "pages": 1,
            "chunks": 2,
            "status": "rejected" if rejected else "failed" if failed else "ready",
            "reason": "The file is encrypted." if rejected else "It broke." if failed else "",
            "attempt": 1,
            "receipt": None,
            "metadata": self.announced.get(path, {}),
            "container": "",
        }

    def retry(self, document_id: str) -> tuple[int, Json]:
        found = self.documents.get(document_id)
        if found is None:
            return 404, error("NotFound", "There is no such document.")
        if found["status"] != "failed":
            return 409, error("Conflict", f"The document is {found['status']}.")
        again = found | {"attempt": found["attempt"] + 1}
        if found["path"].startswith("shaky"):
            again |= {"status": "ready", "reason": ""}
        self.documents[document_id] = again
        return 202, found


def error(kind: str, message: str, field: str | None = None, limit: str | None = None) -> Json:
    return {
        "error": {
            "type": kind,
            "message": message,
            "field": field,
            "limit": limit,
            "request_id": "req-1",
        }
    }


class Handler(BaseHTTPRequestHandler):
    fake: FakeHeadrace

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return

    def _reply(
        self, status: int, body: Json | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self._send(status, b"" if body is None else json.dumps(body).encode(), headers or {})

    def _send(self, status: int, raw: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _take(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_POST(self) -> None:
        raw = self._take()
        if self.path == "/bucket":
            self.fake.store(raw)
            return self._reply(204)
        body = json.loads(raw or b"{}")
        if self._fails(body):
            return None
        if self.path in self.fake.refusals:
            return self._reply(400, self.fake.refusals[self.path])
        if self.path.endswith("/retry"):
            return self._reply(*self.fake.retry(self.path.split("/")[-2]))
        if self.path == "/v1/documents":
            return self._reply(*self.fake.create(body))
        return self._reply(200, self.fake.answer)

    def do_PUT(self) -> None:
        body = json.loads(self._take())
        if self._fails(body):
            return None
        return self._reply(200, body | {"name": self.path.rsplit("/", 1)[-1]})

    def do_GET(self) -> None:
        if self.path in self.fake.objects:
            return self._send(200, self.fake.objects[self.path], {})
        if self._fails({}):
            return None
        if self.path == "/v1/health":
            return self._reply(200, {"status": "ok", "stage": "test"})
        if self.path.startswith("/v1/documents?"):
            return self._reply(200, self._page())
        if self.path in self.fake.redirects:
            body = self.fake.redirects[self.path]
            return self._reply(302, body, {"Location": body["url"]})
        if self.path in self.fake.shown:
            return self._reply(200, self.fake.shown[self.path])
        found = self.fake.documents.get(self.path.rsplit("/", 1)[-1])
        missing = error("NotFound", "There is no such document.")
        return self._reply(200, found) if found else self._reply(404, missing)

    def do_DELETE(self) -> None:
        if self._fails({}):
            return None
        gone = self.fake.documents.pop(self.path.rsplit("/", 1)[-1], None)
        if gone is None:
            return self._reply(404, error("NotFound", "There is none."))
        removed = {"objects": 3, "vectors": 2, "records": 2}
        backups = [
            {"where": "S3", "what": "nothing", "days": 0},
            {"where": "DynamoDB", "what": "its path", "days": 35},
        ]
        told = {"document_id": gone["document_id"], "removed": removed, "backups": backups}
        return self._reply(200, told)

    def _page(self) -> Json:
        asked = parse_qs(urlsplit(self.path).query)
        everything = [
            self.fake.documents[key]
            for key in sorted(self.fake.documents)
            if asked.get("status", [self.fake.documents[key]["status"]])
            == [self.fake.documents[key]["status"]]
        ]
        at = int(asked.get("cursor", ["0"])[0])
        more = at + 2 < len(everything)
        return {
            "items": everything[at : at + 2],
            "next_cursor": str(at + 2) if more else None,
        }

    def _fails(self, body: Json) -> bool:
        self.fake.requests.append((self.command, self.path, body))
        self.fake.keys.append(self.headers.get("Idempotency-Key"))
        self.fake.gone |= str(body.get("path", "")).startswith("gone")
        if self.fake.gone:
            self._send(200, b"<html>", {})
            return True
        if self.fake.failures:
            status, headers = self.fake.failures.pop(0)
            self._reply(status, error("Throttled", "Slow down."), headers)
            return True
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            self._reply(403, {"Message": "User is not authorized"})
            return True
        return False


@contextmanager
def serving(fake: FakeHeadrace) -> Iterator[FakeHeadrace]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"fake": fake}))
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="fake", daemon=True
    )
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

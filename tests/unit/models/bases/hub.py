"""A hub of one process with the layout of Hugging Face's: its API, its redirects, its headers.

https://huggingface.co/docs/hub/api; the headers are those that huggingface_hub reads.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of_the_tests"


@dataclass
class Repository:
    """A repository at one commit; `lfs` names the files that lie on the other host."""

    files: dict[str, bytes]
    lfs: tuple[str, ...] = ("model.safetensors",)
    card: dict[str, str] = field(default_factory=lambda: {"license": "apache-2.0"})
    commit: str = "c0ffee" + "0" * 34
    gated: bool = False
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass
class Hub:
    """What the servers answer by, and what they were asked: (method, path, Range, token)."""

    repositories: dict[str, Repository]
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)
    """How the next downloads from the other host end: half, refuse, or change."""
    busy: int = 0
    """How many of the next questions to the API are answered by 503."""
    endpoint: str = ""
    storage: str = ""

    def sent(self) -> list[str]:
        """Return the path of each answer with a body."""
        return [path for method, path, *_ in self.asked if method == "GET"]

    def ranges(self) -> list[str]:
        """Return the range of each download from the other host."""
        return [part for _, path, part, _ in self.asked if path.startswith("/storage/")]

    @property
    def tokens(self) -> list[str]:
        """Return the token that came with each of them."""
        return [token for _, path, _, token in self.asked if path.startswith("/storage/")]


def blob_id(content: bytes) -> str:
    """Return the name of a blob in git."""
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        part, token = self.headers.get("Range", ""), self.headers.get("Authorization", "")
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append((self.command, path, part, token.removeprefix("Bearer ")))
        self.answer(path.strip("/").split("/"))

    def answer(self, at: list[str]) -> None:
        raise NotImplementedError

    def send(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


class _Site(_Handler):
    """The API and the pages of files."""

    def answer(self, at: list[str]) -> None:
        if at[:2] == ["api", "resolve-cache"]:  # models/OWNER/NAME/COMMIT/FILE
            return self.send(*self._file("/".join(at[3:5]), "/".join(at[6:])))
        if self.hub.busy and at[0] == "api":
            self.hub.busy -= 1
            return self.send(503, {})
        name = "/".join(at[2:4] if at[0] == "api" else at[:2])
        repository = self.hub.repositories.get(name)
        if repository is None:
            return self.send(401, {"X-Error-Code": "RepoNotFound"})
        revision = at[5] if at[0] == "api" and len(at) > 5 else at[3] if at[0] != "api" else "main"
        if revision not in ("main", repository.commit):
            return self.send(404, {"X-Error-Code": "RevisionNotFound"})
        if at[0] == "api":
            return self.send(200, {"Content-Type": "application/json"}, self._info(name))
        return self._resolve(name, repository, "/".join(at[4:]))

    def _resolve(self, name: str, repository: Repository, file: str) -> None:
        if repository.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status = 403 if self.headers.get("Authorization") else 401
            return self.send(status, {"X-Error-Code": "GatedRepo"})
        told = {"X-Repo-Commit": repository.commit}
        if file not in repository.lfs:
            cached = f"/api/resolve-cache/models/{name}/{repository.commit}/{file}"
            return self.send(307, {**told, "Location": cached})
        content = repository.files[file]
        sha256 = hashlib.sha256(content).hexdigest()
        told |= {"X-Linked-ETag": f'"{sha256}"', "X-Linked-Size": str(len(content))}
        return self.send(302, {**told, "Location": f"{self.hub.storage}/storage/{name}/{sha256}"})

    def _file(self, name: str, file: str) -> tuple[int, dict[str, str], bytes]:
        repository = self.hub.repositories[name]
        content = repository.files[file]
        told = {"X-Repo-Commit": repository.commit, "ETag": f'"{blob_id(content)}"'}
        return 200, told, content

    def _info(self, name: str) -> bytes:
        repository = self.hub.repositories[name]
        siblings: list[dict[str, Any]] = []
        for file, content in repository.files.items():
            size = repository.sizes.get(file, len(content))
            told = {"rfilename": file, "size": size, "blobId": blob_id(content)}
            if file in repository.lfs:
                sha256 = hashlib.sha256(content).hexdigest()
                told["lfs"] = {"sha256": sha256, "size": size, "pointerSize": 134}
            siblings.append(told)
        about = {"id": name, "modelId": name, "sha": repository.commit, "private": False}
        about |= {"gated": "manual" if repository.gated else False, "tags": [], "downloads": 0}
        return json.dumps({**about, "cardData": repository.card, "siblings": siblings}).encode()


class _Storage(_Handler):
    """The host of large files, which redirects lead to."""

    def answer(self, at: list[str]) -> None:
        repository = self.hub.repositories["/".join(at[1:3])]
        content = next(
            each for each in repository.files.values() if hashlib.sha256(each).hexdigest() == at[3]
        )
        how = self.hub.breaks.pop(0) if self.hub.breaks and self.command == "GET" else ""
        if how == "refuse":
            return self.send(503, {})
        if how == "change":
            content = content[:-1] + b"!"
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        body = content[start:]
        if how != "half":
            where = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return self.send(206 if start else 200, {"Content-Range": where}, body)
        self.send(206 if start else 200, {"Content-Length": str(len(body))}, body[: len(body) // 2])
        self.close_connection = True
        return None


@contextmanager
def serve(repositories: dict[str, Repository]) -> Iterator[Hub]:
    """Run a hub and the host of its large files on two ports, as long as the block runs."""
    hub = Hub(repositories)
    servers = []
    for kind in (_Site, _Storage):
        handler = type(kind.__name__, (kind,), {"hub": hub})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
    hub.endpoint, hub.storage = (f"http://127.0.0.1:{each.server_port}" for each in servers)
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()

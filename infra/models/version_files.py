"""The files of a registered version that is to be served, held to its manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from chalicelib.contracts.model_manifest import FILE, Signature
from chalicelib.contracts.serving import OPEN_EMBEDDERS
from infra.models.registry import RegisteredVersion

_MB = 1024**2
_TIMES_IN_MEMORY = 3
"""Memory that opening a graph takes, as a multiple of its file.

Measured 3.0 of fp32 and 3.1 of 8-bit weights, with onnxruntime 1.32 from bytes, of which
2.5 and 3.1 stay.
"""
_PROCESS_MB = 150
"""Memory of a function without a model, in MB: its interpreter and libraries."""
_BUNDLED_MB = 420
"""Memory of both embedding models of a bundle, in MB, once they are open: 137 MB of files."""


class ServingError(Exception):
    """Raised when a version cannot be served: unknown, changed files, or AWS refuses."""


def version_reader(folder: Path, version: RegisteredVersion) -> Callable[[str], bytes]:
    """Return a reader of the version's files, by names without a folder."""

    def read(name: str) -> bytes:
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise ServingError(f"{version.name} has no {name}: it was not exported whole.")
        return path.read_bytes()

    return read


def verified_signature(
    version: RegisteredVersion, content: bytes, fetch: Callable[[str], bytes]
) -> Signature:
    """Return the manifest after verifying each file that it names."""
    try:
        signature = Signature.model_validate_json(content)
    except ValidationError as error:
        raise ServingError(f"{FILE} of {version.name} is no manifest: {error}") from error
    for name, sha256 in signature.hashes.items():
        if hashlib.sha256(fetch(name)).hexdigest() != sha256:
            raise ServingError(f"{name} of {version.name} is not the file that was exported.")
    return signature


def require_memory(
    signature: Signature, version: RegisteredVersion, memory_mb: int, function: str = ""
) -> None:
    """Raise ServingError if a function of `memory_mb` can't open a version's graphs.

    It would be killed at its first call, and at every one after. The functions that embed texts
    hold the models of their bundles too, and two versions while a tenant is moved between them.
    """
    size = sum(graph.size for graph in signature.graphs.values()) // _MB
    room, beside = memory_mb - _PROCESS_MB, ""
    if function == "embed_text":
        room = (room - _BUNDLED_MB) // OPEN_EMBEDDERS
        beside = f", {OPEN_EMBEDDERS} at once beside those of its bundle,"
    most = room // _TIMES_IN_MEMORY
    if size > most:
        raise ServingError(
            f"{version.name} has graphs of {size} MB, and a function of {memory_mb} MB opens"
            f" {most} at most{beside}. Train it with fewer bits (weight_bits) or on"
            " a smaller base, or serve it by an endpoint: docs/endpoints.md."
        )

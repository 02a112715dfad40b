"""The files of a registered version that is to be served, held to its manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from chalicelib.contracts.model_manifest import FILE, Signature
from infra.models.registry import RegisteredVersion


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

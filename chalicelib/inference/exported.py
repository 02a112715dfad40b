"""An exported model as its manifest names it: no file is used that has another sha256.

All is held in memory: the models of functions are small, and a file that nobody opens again need
not lie on a disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from chalicelib.contracts.exported import FILE, Signature
from chalicelib.errors import ModelFailure
from chalicelib.inference.session import open_session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Fetch = Callable[[str], bytes]
"""Gives a file of a version by its name; raises `NotFound`, `Throttled` or `Transient`."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A manifest and where its files come from."""

    signature: Signature
    fetch: Fetch

    @classmethod
    def read(cls, fetch: Fetch, sha256: str) -> Exported:
        """Read the manifest, which must have that sha256.

        Raises:
            ModelFailure: it has another, or is no manifest.
        """
        content = _held(FILE, fetch(FILE), sha256)
        try:
            return cls(Signature.model_validate_json(content), fetch)
        except ValidationError as error:
            raise ModelFailure(f"{FILE} is no manifest: {error}") from error

    def graph(self, name: str) -> InferenceSession:
        """Open a graph of the manifest for one thread.

        Raises:
            ModelFailure: its file is not the one that the manifest names, or is no graph.
        """
        spec = self.signature.graphs[name]
        return open_session(_held(spec.file, self.fetch(spec.file), spec.sha256))

    def graph_taking(self, name: str, inputs: Sequence[str], does: str) -> InferenceSession:
        """Open a graph that takes these inputs, by which the model is one that `does` something.

        Raises:
            ModelFailure: there is none, or it cannot be opened.
        """
        spec = self.signature.graphs.get(name)
        if spec is None or [each.name for each in spec.inputs] != list(inputs):
            has = ", ".join(sorted(self.signature.graphs))
            raise ModelFailure(f"{self.signature.name} has the graphs {has}, none that {does}.")
        return self.graph(name)

    def file(self, name: str) -> bytes:
        """Return what else the model needs, by the name of the file.

        Raises:
            ModelFailure: the manifest names no such file, or one of another content.
        """
        wanted = self.signature.files.get(name)
        if wanted is None:
            raise ModelFailure(f"{self.signature.name} has no {name}; export it with one.")
        return _held(name, self.fetch(name), wanted)

    def numbers(self, *names: str) -> Mapping[str, float]:
        """Return constants that must be numbers.

        Raises:
            ModelFailure: one is missing, or is no number.
        """
        found = {}
        for name in names:
            value = self.signature.constants.get(name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ModelFailure(f"{self.signature.name} has no number {name} in its {FILE}.")
            found[name] = float(value)
        return found


def _held(name: str, content: bytes, sha256: str) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelFailure(
            f"{name} has sha256 {found}, and {sha256} was registered. Serve the version anew."
        )
    return content

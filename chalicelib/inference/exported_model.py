"""An exported model as its manifest describes it; files are checked by their sha256.

Files are held in memory: the models of functions are small, and no file is opened twice. A graph
with weights in files of their own is opened from a temporary folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pydantic import ValidationError

from chalicelib.contracts.model_manifest import ADAPTERS, FILE, Signature
from chalicelib.errors import ModelFailure
from chalicelib.inference.session import open_session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FetchFile = Callable[[str], bytes]
"""Return a file of a model version by its name; raises `NotFound`, `Throttled` or `Transient`."""


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """The manifest of a model, and where its files come from."""

    signature: Signature
    fetch: FetchFile

    @classmethod
    def read(cls, fetch: FetchFile, sha256: str) -> ExportedModel:
        """Read the manifest, which must have the given sha256.

        Raises:
            ModelFailure: it has another sha256, or is no manifest.
        """
        content = _check_hash(FILE, fetch(FILE), sha256)
        try:
            return cls(Signature.model_validate_json(content), fetch)
        except ValidationError as error:
            raise ModelFailure(f"{FILE} is no manifest: {error}") from error

    def base(self) -> ExportedModel:
        """Return the model without what was tuned on its base.

        Raises:
            ModelFailure: it was tuned in its own weights, so that no base is in it.
        """
        files = {
            name: sha256 for name, sha256 in self.signature.files.items() if name not in ADAPTERS
        }
        if len(files) == len(self.signature.files):
            raise ModelFailure(
                f"{self.signature.name} has no base beside what was tuned, as its weights were"
                " tuned themselves."
            )
        constants = {**self.signature.constants, "prefix": 0}
        signature = self.signature.model_copy(update={"files": files, "constants": constants})
        return replace(self, signature=signature)

    def graph(self, name: str) -> InferenceSession:
        """Open a graph of the manifest for one thread.

        Raises:
            ModelFailure: a file of it has another sha256, or it is no ONNX graph.
        """
        spec = self.signature.graphs[name]
        content = _check_hash(spec.file, self.fetch(spec.file), spec.sha256)
        if not spec.weights:
            return open_session(content)
        # onnxruntime maps the files of weights, which live on without a name once they are open.
        with TemporaryDirectory() as scratch:
            for file, sha256 in spec.weights.items():
                (Path(scratch) / file).write_bytes(_check_hash(file, self.fetch(file), sha256))
            path = Path(scratch) / spec.file
            path.write_bytes(content)
            return open_session(path)

    def graph_taking(self, name: str, inputs: Sequence[str], does: str) -> InferenceSession:
        """Open the graph `name`, which must take exactly the inputs `inputs`.

        `does` says in the error message what the model would be used for.

        Raises:
            ModelFailure: there is no such graph, or it cannot be opened.
        """
        spec = self.signature.graphs.get(name)
        if spec is None or [graph_input.name for graph_input in spec.inputs] != list(inputs):
            graphs = ", ".join(sorted(self.signature.graphs))
            raise ModelFailure(f"{self.signature.name} has the graphs {graphs}, none that {does}.")
        return self.graph(name)

    def file(self, name: str) -> bytes:
        """Return a further file that the model needs, such as a tokenizer.

        Raises:
            ModelFailure: the manifest names no such file, or its sha256 differs.
        """
        sha256 = self.signature.files.get(name)
        if sha256 is None:
            raise ModelFailure(f"{self.signature.name} has no {name}; export it with one.")
        return _check_hash(name, self.fetch(name), sha256)

    def numbers(self, *names: str) -> Mapping[str, float]:
        """Return constants of the manifest, which must be numbers.

        Raises:
            ModelFailure: one is missing, or is no number.
        """
        numbers = {}
        for name in names:
            value = self.signature.constants.get(name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ModelFailure(f"{self.signature.name} has no number {name} in its {FILE}.")
            numbers[name] = float(value)
        return numbers


def _check_hash(name: str, content: bytes, sha256: str) -> bytes:
    """Return `content` if it has the registered sha256; raise `ModelFailure` otherwise."""
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise ModelFailure(
            f"{name} has sha256 {actual}, and {sha256} was registered. Serve the version anew."
        )
    return content

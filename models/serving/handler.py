"""The handler in a model package: a module with functions of known names.

The names are those of SageMaker's inference toolkit, so that one package serves in AWS's framework
containers and in this one: `model_fn(model_dir)` loads the model, `input_fn(body, content_type)`
reads a request, `predict_fn(data, model)` asks the model, and `output_fn(prediction, accept)`
writes the answer. The first and the third have to be there; the others are JSON by default.
https://github.com/aws/sagemaker-inference-toolkit
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

JSON = "application/json"
PROGRAM = "inference.py"
"""The module in the package's folder `code`, unless `SAGEMAKER_PROGRAM` names another."""

_ANYTHING = ("", "*/*", JSON)


class UnusablePackage(Exception):  # noqa: N818 - named for what it tells
    """The package has no handler, or one that lacks a function."""


class UnsupportedType(ValueError):  # noqa: N818
    """A request of a kind that the handler does not read; `status` is 415 or 406."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class HandlerResponse:
    """A response: its bytes, whole or in pieces, and its media type."""

    body: bytes | Iterator[bytes]
    content_type: str


@dataclass(frozen=True, slots=True)
class Handler:
    """A loaded model with its functions that read, predict and write."""

    model: Any
    read: Callable[[bytes, str], Any]
    predict: Callable[[Any, Any], Any]
    write: Callable[[Any, str], Any]

    def answer(self, body: bytes, content_type: str, accept: str) -> HandlerResponse:
        """Return the model's answer to a request.

        A prediction that is an iterator of text or bytes is answered piece by piece. Raises
        ValueError where the request is at fault, and whatever else the handler raises.
        """
        prediction = self.predict(self.read(body, content_type), self.model)
        if isinstance(prediction, Iterator):
            return HandlerResponse(
                map(_as_bytes, prediction), accept if accept not in _ANYTHING else JSON
            )
        written = self.write(prediction, accept)
        body_of, kind = written if isinstance(written, tuple) else (written, JSON)
        return HandlerResponse(_as_bytes(body_of), kind)


def load(model_dir: Path, program: str = PROGRAM) -> Handler:
    """Import the handler of the package in `model_dir` and load its model.

    Raises:
        UnusablePackage: there is no handler, or it lacks `model_fn` or `predict_fn`.
    """
    path = model_dir / "code" / program
    if not path.is_file():
        raise UnusablePackage(
            f"The model package has no code/{program}, which is to define model_fn and predict_fn."
        )
    module = _imported(path)
    for name in ("model_fn", "predict_fn"):
        if not callable(getattr(module, name, None)):
            raise UnusablePackage(f"code/{program} does not define {name}.")
    return Handler(
        model=module.model_fn(str(model_dir)),
        read=getattr(module, "input_fn", read_json),
        predict=module.predict_fn,
        write=getattr(module, "output_fn", write_json),
    )


def _imported(path: Path) -> ModuleType:
    """Import the module at `path`; modules beside it can be imported by it."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def read_json(body: bytes, content_type: str) -> Any:
    """Parse a JSON request. Raises ValueError."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (JSON, ""):
        raise UnsupportedType(f"The model reads {JSON}, not {kind}.", 415)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The request is not JSON: {error}") from error


def write_json(prediction: Any, accept: str) -> tuple[bytes, str]:
    """Return `prediction` as JSON. Raises UnsupportedType where that is not acceptable."""
    wanted = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    if not wanted & set(_ANYTHING):
        raise UnsupportedType(f"The model writes {JSON}, not {accept}.", 406)
    return json.dumps(prediction).encode(), JSON


def _as_bytes(piece: Any) -> bytes:
    return piece.encode() if isinstance(piece, str) else bytes(piece)

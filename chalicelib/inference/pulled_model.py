"""Models of one ONNX graph in one file, which are opened at their first run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from chalicelib.errors import ModelFailure
from chalicelib.inference.session import open_session, pulled_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession


class PulledModel:
    """An ONNX graph as `headrace models pull` leaves it; subclasses give its name and file."""

    NAME: ClassVar[str]
    FILE: ClassVar[str]

    def __init__(self, path: Path) -> None:
        """Use the model file at `path`."""
        self._path = path

    @classmethod
    def open(cls, models_dir: Path | str) -> Self:
        """Return the model in `models_dir`. Raises `ModelFailure` if it is not there."""
        return cls(pulled_folder(models_dir, cls.NAME, cls.FILE) / cls.FILE)

    @cached_property
    def _session(self) -> InferenceSession:
        return open_session(self._path)

    def _run(
        self, given: Mapping[str, NDArray[Any]], outputs: Sequence[str] | None = None
    ) -> list[NDArray[np.float32]]:
        """Return `outputs` of one run, all if not named; raise `ModelFailure`."""
        session = self._session
        try:
            found = session.run(outputs, dict(given))
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{self.NAME} failed: {error}") from error
        return [np.asarray(each, np.float32) for each in found]

"""Reads the weights of a model of CTranslate2, without CTranslate2.

https://github.com/OpenNMT/CTranslate2/blob/v4.5.0/python/ctranslate2/specs/model_spec.py
(`_serialize`): whole numbers are little-endian; a name is its length in two bytes, and text that
ends with a zero.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 6
_DTYPES = ("<f4", "i1", "<i2", "<i4", "<f2")


class NotCTranslate2(Exception):  # noqa: N818 - named for what it tells
    """A file is no model of CTranslate2, or of a version or a precision that is not read."""


@dataclass(slots=True)
class _Cursor:
    """The bytes of a file, and how far they are read."""

    data: bytes
    at: int = 0

    def number(self, form: str) -> int:
        """Return the next whole number, in a form of `struct`."""
        (value,) = struct.unpack_from(f"<{form}", self.data, self.at)
        self.at += struct.calcsize(form)
        return int(value)

    def text(self) -> str:
        """Return the next name."""
        return self.block(self.number("H")).rstrip(b"\0").decode()

    def block(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        block = self.data[self.at : self.at + size]
        if len(block) != size:
            raise NotCTranslate2(f"The file ends {size - len(block)} bytes too early.")
        self.at += size
        return block


def read_ctranslate2(path: Path, specification: str) -> dict[str, NDArray[Any]]:
    """Return the tensors of a model by name; a name that stands for another has the same tensor.

    Args:
        path: a `model.bin`.
        specification: the kind of model that it must be, such as `WhisperSpec`.

    Raises:
        NotCTranslate2: the file is another, or damaged.
    """
    cursor = _Cursor(path.read_bytes())
    try:
        version, kind = cursor.number("I"), cursor.text()
        if version != VERSION or kind != specification:
            raise NotCTranslate2(
                f"{path.name} is a {kind!r} of version {version}, not a {specification} of"
                f" {VERSION}."
            )
        cursor.number("I")  # the revision of the specification
        tensors = dict(_tensor(cursor) for _ in range(cursor.number("I")))
        for _ in range(cursor.number("I")):
            alias, name = cursor.text(), cursor.text()
            tensors[alias] = tensors[name]
    except (struct.error, UnicodeDecodeError, ValueError, KeyError) as error:
        raise NotCTranslate2(f"{path.name} is no model of CTranslate2: {error}") from error
    return tensors


def _tensor(cursor: _Cursor) -> tuple[str, NDArray[Any]]:
    name = cursor.text()
    shape = [cursor.number("I") for _ in range(cursor.number("B"))]
    kind = cursor.number("B")
    if kind >= len(_DTYPES):
        raise NotCTranslate2(f"{name} has the unknown precision {kind}.")
    block = cursor.block(cursor.number("I"))
    return name, np.frombuffer(block, _DTYPES[kind]).reshape(shape)

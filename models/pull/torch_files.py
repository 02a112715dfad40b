"""Reads tensors of a file in the format of torch before 1.6, without torch.

https://github.com/pytorch/pytorch/blob/v2.4.0/torch/serialization.py (`_legacy_load`)
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_MAGIC = 0x1950A86A20F9469CFC6C
_KINDS = {"FloatStorage": "<f4", "LongStorage": "<i8"}
_COUNT_BYTES = 8


class NotTorch(Exception):  # noqa: N818 - named for what it tells
    """A file is not a dictionary of tensors in torch's format, or holds unsupported objects."""


@dataclass(frozen=True, slots=True)
class _Tensor:
    """The place of a tensor in the storage `key`; offset and strides count numbers."""

    key: str
    offset: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """The NumPy dtype of a storage."""

    dtype: str


class _Unpickler(pickle.Unpickler):
    """An unpickler that makes dictionaries and tensors and refuses anything else."""

    def __init__(self, stream: BinaryIO, kinds: dict[str, str]) -> None:
        super().__init__(stream)
        self._kinds = kinds

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the few classes that a dictionary of tensors needs."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuilt
        if module == "torch" and name in _KINDS:
            return _Kind(_KINDS[name])
        raise NotTorch(f"The file asks for {module}.{name}.")

    def persistent_load(self, pid: Any) -> str:
        """Return the key of a storage, and record its dtype."""
        _, kind, key, *_ = pid
        self._kinds[key] = kind.dtype
        return str(key)


def _rebuilt(
    key: str, offset: int, shape: tuple[int, ...], steps: tuple[int, ...], *_: object
) -> _Tensor:
    return _Tensor(key, offset, tuple(shape), tuple(steps))


def read_tensors(path: Path, within: str = "") -> dict[str, NDArray[Any]]:
    """Return the tensors of the file at `path` by their names.

    Args:
        path: a dictionary of tensors, or of such dictionaries.
        within: the name of the one to read, if it has others beside it, such as an optimiser's.

    Raises:
        NotTorch: the file is another, or damaged.
    """
    kinds: dict[str, str] = {}
    with path.open("rb") as stream:
        try:
            magic, _, _, named, keys = (_Unpickler(stream, kinds).load() for _ in range(5))
        except (pickle.UnpicklingError, EOFError, ValueError) as error:
            raise NotTorch(f"{path.name} is no file that torch wrote: {error}") from error
        if within and isinstance(named, dict):
            named = named.get(within)
        if magic != _MAGIC or not _is_dictionary(named) or set(keys) != kinds.keys():
            raise NotTorch(f"{path.name} is no dictionary of tensors that torch wrote before 1.6.")
        storages = {key: _storage(stream, kinds[key]) for key in keys}
    return {name: _taken(tensor, storages[tensor.key]) for name, tensor in named.items()}


def _is_dictionary(named: object) -> bool:
    return isinstance(named, dict) and all(isinstance(each, _Tensor) for each in named.values())


def _storage(stream: BinaryIO, dtype: str) -> NDArray[Any]:
    count = int.from_bytes(stream.read(_COUNT_BYTES), "little")
    size = np.dtype(dtype).itemsize * count
    data = stream.read(size)
    if len(data) != size:
        raise NotTorch(f"The file ends within a storage of {count} numbers.")
    return np.frombuffer(data, dtype)


def _taken(tensor: _Tensor, storage: NDArray[Any]) -> NDArray[Any]:
    places = np.full(tensor.shape, tensor.offset, np.int64)
    for axis, (length, step) in enumerate(zip(tensor.shape, tensor.steps, strict=True)):
        along = [1] * len(tensor.shape)
        along[axis] = length
        places += (np.arange(length) * step).reshape(along)
    try:
        return storage[places]
    except IndexError as error:
        raise NotTorch("A tensor reaches beyond its storage.") from error

"""A file of strangers is read without running what it asks for."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.pull.torch_files import NotTorch, read_tensors

MAGIC = 0x1950A86A20F9469CFC6C


class Runs:
    """Asks whoever unpickles it to call something."""

    def __init__(self, called: Callable[..., object], *given: object) -> None:
        self.called, self.given = called, given

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.called, self.given


def written(*parts: Any) -> bytes:
    stream = io.BytesIO()
    for part in parts:
        pickle.dump(part, stream, protocol=2)
    return stream.getvalue()


def test_nothing_that_a_file_asks_for_is_called(tmp_path: Path) -> None:
    made = tmp_path / "made"
    file = tmp_path / "a.pth"
    file.write_bytes(written(MAGIC, 1001, {}, Runs(Path.touch, made), []))
    with pytest.raises(NotTorch, match="asks for"):
        read_tensors(file)
    assert not made.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 a newer file",
        b"no pickle at all",
        written(MAGIC, 1001, {}),
        written(7, 1001, {}, {}, []),
        written(MAGIC, 1001, {}, {}, ["0"]),
        written(MAGIC, 1001, {}, {"a": "no tensor"}, []),
    ],
)
def test_what_torch_did_not_write_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.pth"
    file.write_bytes(content)
    with pytest.raises(NotTorch):
        read_tensors(file)


def test_a_dictionary_of_nothing_is_one(tmp_path: Path) -> None:
    file = tmp_path / "a.pth"
    file.write_bytes(written(MAGIC, 1001, {}, {}, []))
    assert read_tensors(file) == {}

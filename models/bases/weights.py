"""What the headers of a base's weights say, without reading the weights."""

from __future__ import annotations

import json
import math
from pathlib import Path

from models.failures import BadData

_LENGTH = 8
_LONGEST_HEADER = 100 << 20
"""The most bytes that a header may have, as safetensors itself bounds it."""


def count_parameters(folder: Path) -> int:
    """Return how many weights the safetensors of a folder hold, and of the folders of a pipeline.

    Raises BadData for a broken one.

    https://github.com/huggingface/safetensors: eight bytes of length, a header in JSON, the data.
    """
    return sum(_count(path) for path in sorted(folder.rglob("*.safetensors")))


def _count(path: Path) -> int:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH), "little")
        if length > min(path.stat().st_size, _LONGEST_HEADER):
            raise BadData(f"{path} is no safetensors: its header would have {length:,} bytes.")
        try:
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            return sum(math.prod(each["shape"]) for each in header.values())
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise BadData(f"{path} is no safetensors: {error!r}.") from error

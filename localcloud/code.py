"""What the functions of a template run from: one source tree, or a package's bundles."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DEVELOPMENT = Path(sys.executable)
"""The Python of this environment, which has every package of every function."""


@dataclass(frozen=True, slots=True)
class Code:
    """`folder_of` gives a function's folder by its logical id, `interpreter` runs it."""

    folder_of: Callable[[str], Path]
    interpreter: Path = DEVELOPMENT

    @classmethod
    def of(cls, project: Path) -> Code:
        """Return the source tree `project`, which every function runs from."""
        return cls(lambda _: project)

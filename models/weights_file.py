"""Files of learned weights beside the code that reads them, with what they were learned by."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

_NUMBERS = re.compile(r"\[\s+((?:-?[0-9][-+.0-9e]*,?\s+)+)\]")


def write_weights(path: Path, about: str, learned: Mapping[str, object]) -> None:
    """Write weights as JSON, the numbers of a list in one line, with the day.

    Args:
        path: of the file.
        about: a sentence that says what the weights were learned on, and by which module.
        learned: the weights, and of how much they were learned.
    """
    document = {"about": about, "made": datetime.now(UTC).date().isoformat(), **learned}
    text = json.dumps(document, indent=1)
    text = _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text)
    path.write_text(f"{text}\n", "utf-8")

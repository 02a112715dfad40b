"""A local cloud whose clock is moved, with all processes that it starts.

The clock starts at a given time and ticks on. Data remembers by how much its cloud's clock was
moved, so that time never runs backwards for it: a record is not younger than what is made later.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcloud.clock import iso

CLOCK_FILE = "clock.json"
OFFSET = "HEADRACE_CLOCK_OFFSET"
"""By how many seconds the clock of a process is moved, for those that it starts."""

_CUSTOMIZATION = Path(__file__).with_name("worker_clock")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.A)


class ClockError(Exception):
    """Raised when a cloud cannot start at the time that it would live at."""


def parse_clock(text: str) -> datetime:
    """Return a time of RFC 3339, in UTC. Raises ValueError, which says what to write."""
    try:
        if not _RFC_3339.fullmatch(text):
            raise ValueError("it has another form")
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{text!r} is no time ({error}): write it as 2027-03-28T01:59:30Z, or with an offset"
            " in place of the Z, as +01:00"
        ) from error


def travel(offset: float) -> None:
    """Move the clock of this process, and of those that it starts, by `offset` seconds."""
    import time_machine

    os.environ[OFFSET] = repr(offset)
    os.environ.update(clock_variables(os.environ))
    time_machine.travel(time.time() + offset, tick=True).start()


def move_clock(
    data_dir: Path, start: datetime | None, travel: Callable[[float], None] = travel
) -> None:
    """Let this process live from `start` on, by `travel`; None is the real time.

    To be called once, before anything is read from `data_dir`.

    Raises:
        ClockError: The data has records that are later than that.
    """
    now = time.time()
    begins = now if start is None else start.timestamp()
    _check_goes_on(data_dir, begins, is_moved=start is not None)
    file = data_dir / CLOCK_FILE
    if start is None:
        file.unlink(missing_ok=True)
        return
    draft = file.with_name(f"{file.name}.new")
    draft.write_text(json.dumps({"began_at": begins, "offset_seconds": begins - now}))
    draft.replace(file)
    travel(begins - now)


def clock_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return a child's environment variables with those that move its clock as this one's."""
    if OFFSET not in os.environ:
        return dict(environment)
    path = os.pathsep.join(filter(None, (str(_CUSTOMIZATION), environment.get("PYTHONPATH"))))
    return {**environment, OFFSET: os.environ[OFFSET], "PYTHONPATH": path}


def _check_goes_on(data_dir: Path, begins: float, *, is_moved: bool) -> None:
    moved = _read(data_dir / CLOCK_FILE)
    if not (moved or is_moved):
        return  # an ordinary cloud after an ordinary cloud
    written = _last_write(data_dir)
    newest = max(moved.get("began_at", 0.0), written + moved.get("offset_seconds", 0.0))
    if written and begins < newest:
        raise ClockError(
            f"The newest data in {data_dir} is of {iso(newest)}, and a clock does not run"
            f" backwards to {iso(begins)}. Start with --clock {iso(newest + 1)} or later, or choose"
            " another --data-dir."
        )


def _read(file: Path) -> Mapping[str, Any]:
    try:
        content: Mapping[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ClockError(
            f"{file} cannot be read ({error}). It says how far the clock of this data was moved;"
            " choose another --data-dir."
        ) from error
    return content


def _last_write(data_dir: Path) -> float:
    """Return when a service last wrote, by the real clock; 0 if none did.

    What services write is in their folders. Files beside these are of the start itself.
    """
    return max(
        (
            os.stat(os.path.join(folder, name), follow_symlinks=False).st_mtime
            for service in data_dir.iterdir()
            if service.is_dir()
            for folder, _, names in os.walk(service)
            for name in names
        ),
        default=0.0,
    )

"""The memory of this process, in MiB. Standard library only."""

from __future__ import annotations

from pathlib import Path

STATUS = Path("/proc/self/status")


def held(status: str | None = None) -> float:
    """Return what is resident now. https://man7.org/linux/man-pages/man5/proc_pid_status.5.html"""
    return _mebibytes("VmRSS", status)


def before_and_peak(before: float) -> dict[str, float]:
    """Return `before`, and the most that was ever resident."""
    return {"before": before, "peak": _mebibytes("VmHWM", None)}


def _mebibytes(name: str, status: str | None) -> float:
    lines = (STATUS.read_text() if status is None else status).splitlines()
    (kibibytes,) = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return int(kibibytes) / 1024

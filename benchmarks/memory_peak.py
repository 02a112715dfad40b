"""The memory of this process, in MiB. Standard library only."""

from __future__ import annotations

from pathlib import Path

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def begin() -> float:
    """Return the resident memory, and reset the peak: loading needs more for a while.

    https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html
    """
    RESET.write_text("5")
    return mebibytes(STATUS.read_text(), "VmRSS")


def before_and_peak(before: float) -> dict[str, float]:
    """Return `before`, and the peak resident memory since `begin` returned it.

    The kernel counts in bulk, so that the peak may read as a little less than `before`.
    """
    return {"before": before, "peak": max(before, mebibytes(STATUS.read_text(), "VmHWM"))}


def mebibytes(status: str, name: str) -> float:
    """Return a figure of a process's status.

    https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
    """
    (kibibytes,) = (line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:"))
    return int(kibibytes) / 1024

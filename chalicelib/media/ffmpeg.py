"""One ffmpeg process on one untrusted file, bounded in time, memory and what it may open.

ffmpeg is the static program of the wheel `imageio-ffmpeg`: it runs beside Python, so a file that
crashes a decoder ends that process and no other. https://ffmpeg.org/ffmpeg.html
"""

from __future__ import annotations

import functools
import os
import re
import resource
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import imageio_ffmpeg

from chalicelib.errors import InvalidInput, Unsupported

MEBIBYTE = 1024 * 1024
MAX_PIXELS = 7_680 * 4_320
"""Pixels of a frame, checked before one is decoded."""
_KEPT_MESSAGES = 64 * 1024
_MISSING_CODEC = re.compile(
    r"Decoder \(codec \S+\) not found|Unknown decoder \S+|codec not currently supported"
    r"|Could not find codec parameters[^\n]*\bnone\b[^\n]*"
)

_LIMITED = ("-protocol_whitelist", "file,pipe", "-max_pixels", str(MAX_PIXELS), "-threads", "2")
"""Options of an input: no address is opened, whatever a file refers to."""


@dataclass(frozen=True, slots=True)
class ProcessBudget:
    """The most that one process may use: seconds of processor, bytes of memory, seconds in all."""

    cpu_seconds: int = 600
    memory_bytes: int = 768 * MEBIBYTE
    wall_seconds: float = 800.0


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file, and the demuxer that it is read by, as `containers.MEDIA_DEMUXERS` names it."""

    path: Path
    demuxer: str

    def input(self, *options: str) -> tuple[str, ...]:
        """Return the arguments that open the file; `options` stand before it."""
        limits = (*_LIMITED, "-format_whitelist", self.demuxer, "-f", self.demuxer)
        return (*limits, *options, "-i", f"file:{self.path}")


@functools.cache
def executable() -> str:
    """Return the path of ffmpeg."""
    return cast("str", imageio_ffmpeg.get_ffmpeg_exe())


class FfmpegProcess:
    """A running ffmpeg: read `output`, then call `finish`."""

    def __init__(self, arguments: Sequence[str], budget: ProcessBudget) -> None:
        """Start ffmpeg with `arguments`; it is ended at the latest with its budget."""
        self.budget = budget
        self.timed_out = False
        self.cpu_seconds = 0.0
        command = [executable(), "-hide_banner", "-nostdin", *arguments]
        self._process = subprocess.Popen(  # noqa: S603 - our own program; files follow `-i file:`
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={},
        )
        self._limit()
        self._messages = bytearray()
        self._drain = threading.Thread(target=self._read_messages, daemon=True)
        self._drain.start()
        self._timer = threading.Timer(budget.wall_seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    @property
    def pid(self) -> int:
        """Return the id of the process."""
        return self._process.pid

    @property
    def output(self) -> IO[bytes]:
        """Return what the process writes."""
        return cast("IO[bytes]", self._process.stdout)

    def finish(self) -> int:
        """Wait for the end; return the exit status, negative for a signal."""
        status = self._wait()
        self._timer.cancel()
        self._drain.join()
        self.output.close()
        return status

    def _wait(self) -> int:
        """Wait for the end, and count the processor time that was used."""
        if self._process.returncode is None:
            try:
                _, ended, used = os.wait4(self._process.pid, 0)
            except ChildProcessError:  # it was waited for when it was killed
                return self._process.wait()
            self._process.returncode = os.waitstatus_to_exitcode(ended)
            self.cpu_seconds = used.ru_utime + used.ru_stime
        return self._process.returncode

    def stop(self) -> None:
        """End the process, if it still runs."""
        self._process.kill()
        self.finish()

    @property
    def messages(self) -> str:
        """Return the first messages of the process, once it has finished."""
        return self._messages.decode("utf-8", "replace")

    def _end(self) -> None:
        self.timed_out = True
        self._process.kill()

    def _read_messages(self) -> None:
        stream = cast("IO[bytes]", self._process.stderr)
        with stream:
            while block := stream.read1(8192):  # type: ignore[attr-defined]
                if len(self._messages) < _KEPT_MESSAGES:
                    self._messages += block

    def _limit(self) -> None:
        """Lower the limits of the process, on Linux, which is where functions run."""
        prlimit = getattr(resource, "prlimit", None)
        if prlimit is None:
            return
        seconds, memory = self.budget.cpu_seconds, self.budget.memory_bytes
        try:
            prlimit(self._process.pid, resource.RLIMIT_CPU, (seconds, seconds + 1))
            prlimit(self._process.pid, resource.RLIMIT_DATA, (memory, memory))
        except ProcessLookupError:
            return


@contextmanager
def running(arguments: Sequence[str], budget: ProcessBudget) -> Iterator[FfmpegProcess]:
    """Yield ffmpeg with `arguments`; it has ended after the block, however the block ends."""
    process = FfmpegProcess(arguments, budget)
    try:
        yield process
    finally:
        process.stop()


def failure(process: FfmpegProcess, status: int, what: str) -> InvalidInput | Unsupported:
    """Return the error of a process that ended with `status`; `what` was to be done."""
    budget = process.budget
    killed = status == -signal.SIGKILL
    limited = killed and process.cpu_seconds >= budget.cpu_seconds
    if process.timed_out or limited or status in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        return Unsupported(
            f"{what} takes more than {budget.cpu_seconds} s of processor time or"
            f" {budget.wall_seconds:.0f} s, which is the limit. Save it as MP4 or WAV, or split it."
            " A retry will not help.",
            field="file",
            limit=str(budget.cpu_seconds),
        )
    if killed or "Cannot allocate memory" in process.messages:
        return Unsupported(
            f"{what} takes more than the {budget.memory_bytes // MEBIBYTE} MiB of memory that are"
            " allowed, or than there are. Save it with smaller frames.",
            field="file",
            limit=str(budget.memory_bytes),
        )
    codec = _MISSING_CODEC.search(process.messages)
    if codec:
        return Unsupported(
            f"{what} failed: no decoder is known for what is in it ({codec[0][:100]}). Save it as"
            " MP4 with H.264 and AAC, or as WAV.",
            field="file",
        )
    reason = _first_line(process.messages)
    return InvalidInput(
        f"{what} failed: the file is damaged or cut off{f' ({reason})' if reason else ''}."
        " Save it again with the program that made it.",
        field="file",
    )


def _first_line(messages: str) -> str:
    """Return the first message without the address of its sender and without paths."""
    lines = (line for line in messages.splitlines() if line.strip() and "file:" not in line)
    return next(lines, "").rpartition("] ")[2].strip().rstrip(".")[:200]

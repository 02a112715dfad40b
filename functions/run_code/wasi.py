"""Everything that a guest can ask of its host: WASI, as far as an interpreter needs it to start.

There are no files, directories, sockets, arguments beside the program, or environment. The clock
begins at the same moment in every run and moves by a step whenever it is read, sleeping moves it
further, and random bytes come from one seed, so that the same code does the same thing each time.
A call that is listed here with an error number does nothing but return it.
https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import wasmtime

MODULE = "wasi_snapshot_preview1"
SUCCESS, BAD_DESCRIPTOR, NO_ENTRY, NOT_SUPPORTED, IS_PIPE, NOT_CAPABLE = 0, 8, 44, 58, 70, 76
STDIN, STDOUT, STDERR = 0, 1, 2
EPOCH_NS = 1_767_225_600_000_000_000
"""The moment at which every run begins: the first of January 2026."""
STEP_NS = 1_000_000
"""By how much the clock moves whenever it is read."""
SEED = 20260101
MAX_CALLS = 20_000
"""Calls of one guest, since they cost the host's time and hardly any fuel."""
_BYTES_PER_CALL = 4096
"""A call that moves more bytes counts as several."""

_I32, _I64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()
_REFUSED: Mapping[str, tuple[str, int]] = {
    "fd_advise": ("iIIi", BAD_DESCRIPTOR),
    "fd_allocate": ("iII", BAD_DESCRIPTOR),
    "fd_datasync": ("i", BAD_DESCRIPTOR),
    "fd_fdstat_set_flags": ("ii", NOT_CAPABLE),
    "fd_filestat_set_size": ("iI", BAD_DESCRIPTOR),
    "fd_filestat_set_times": ("iIIi", BAD_DESCRIPTOR),
    "fd_pread": ("iiiIi", BAD_DESCRIPTOR),
    "fd_prestat_dir_name": ("iii", BAD_DESCRIPTOR),
    "fd_prestat_get": ("ii", BAD_DESCRIPTOR),
    "fd_pwrite": ("iiiIi", BAD_DESCRIPTOR),
    "fd_readdir": ("iiiIi", BAD_DESCRIPTOR),
    "fd_seek": ("iIii", IS_PIPE),
    "fd_sync": ("i", BAD_DESCRIPTOR),
    "fd_tell": ("ii", IS_PIPE),
    "path_create_directory": ("iii", NOT_CAPABLE),
    "path_filestat_get": ("iiiii", NO_ENTRY),
    "path_filestat_set_times": ("iiiiIIi", NOT_CAPABLE),
    "path_link": ("iiiiiii", NOT_CAPABLE),
    "path_open": ("iiiiiIIii", NO_ENTRY),
    "path_readlink": ("iiiiii", NO_ENTRY),
    "path_remove_directory": ("iii", NOT_CAPABLE),
    "path_rename": ("iiiiii", NOT_CAPABLE),
    "path_symlink": ("iiiii", NOT_CAPABLE),
    "path_unlink_file": ("iii", NOT_CAPABLE),
    "sock_accept": ("iii", NOT_SUPPORTED),
    "sock_recv": ("iiiiii", NOT_SUPPORTED),
    "sock_send": ("iiiii", NOT_SUPPORTED),
    "sock_shutdown": ("ii", NOT_SUPPORTED),
}
"""Calls that are refused whatever they ask, by their parameters: i for 32 bits, I for 64."""


class GuestExit(Exception):  # noqa: N818 - named for what happened
    """Raised when a guest ends itself; `code` is what it returns."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


class TooManyCallsError(Exception):
    """Raised when a guest asks its host too often."""


class Streams(Protocol):
    """Standard streams of a guest: it reads descriptor 0, and writes to 1 and 2."""

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes, at least one; none at the end."""

    def write(self, descriptor: int, data: bytes) -> None:
        """Take all of `data`, or raise to end the guest."""


@dataclass(slots=True)
class WasiHost:
    """The host of one guest: `streams`, its own clock, and its own random bytes."""

    program: Sequence[str]
    streams: Streams
    calls: int = 0
    now_ns: int = EPOCH_NS
    rng: random.Random = field(default_factory=lambda: random.Random(SEED))  # noqa: S311 - repeatable

    def define(self, linker: wasmtime.Linker) -> None:
        """Define every function of WASI that the interpreter imports."""
        for name, (parameters, errno) in _REFUSED.items():
            self._define(linker, name, parameters, lambda _caller, *_given, errno=errno: errno)
        for name, parameters, function in (
            ("args_get", "ii", self._args),
            ("args_sizes_get", "ii", self._args_sizes),
            ("environ_get", "ii", lambda *_: SUCCESS),
            ("environ_sizes_get", "ii", self._environ_sizes),
            ("clock_res_get", "ii", self._clock_resolution),
            ("clock_time_get", "iIi", self._clock),
            ("fd_close", "i", lambda _, descriptor: _standard(descriptor)),
            ("fd_fdstat_get", "ii", self._descriptor),
            ("fd_filestat_get", "ii", self._file),
            ("fd_read", "iiii", self._read),
            ("fd_write", "iiii", self._write),
            ("poll_oneoff", "iiii", self._poll),
            ("random_get", "ii", self._random),
            ("sched_yield", "", lambda _: SUCCESS),
        ):
            self._define(linker, name, parameters, function)
        ends = wasmtime.FuncType([_I32], [])
        linker.define_func(MODULE, "proc_exit", ends, self._exit, access_caller=True)

    def _define(
        self, linker: wasmtime.Linker, name: str, parameters: str, function: Callable[..., int]
    ) -> None:
        def counted(caller: wasmtime.Caller, *given: int) -> int:
            self._count(0)
            return function(caller, *given)

        kinds = [_I64 if each == "I" else _I32 for each in parameters]
        signature = wasmtime.FuncType(kinds, [_I32])
        linker.define_func(MODULE, name, signature, counted, access_caller=True)

    def _count(self, moved: int) -> None:
        self.calls += 1 + moved // _BYTES_PER_CALL
        if self.calls > MAX_CALLS:
            raise TooManyCallsError

    def _exit(self, _caller: wasmtime.Caller, code: int) -> None:
        raise GuestExit(code)

    def _args_sizes(self, caller: wasmtime.Caller, count_at: int, size_at: int) -> int:
        written = [text.encode() + b"\0" for text in self.program]
        _put(caller, count_at, struct.pack("<I", len(written)))
        _put(caller, size_at, struct.pack("<I", sum(map(len, written))))
        return SUCCESS

    def _args(self, caller: wasmtime.Caller, pointers_at: int, texts_at: int) -> int:
        for number, text in enumerate(self.program):
            written = text.encode() + b"\0"
            _put(caller, pointers_at + 4 * number, struct.pack("<I", texts_at))
            _put(caller, texts_at, written)
            texts_at += len(written)
        return SUCCESS

    def _environ_sizes(self, caller: wasmtime.Caller, count_at: int, size_at: int) -> int:
        _put(caller, count_at, bytes(4))
        _put(caller, size_at, bytes(4))
        return SUCCESS

    def _clock_resolution(self, caller: wasmtime.Caller, _clock: int, at: int) -> int:
        _put(caller, at, struct.pack("<Q", STEP_NS))
        return SUCCESS

    def _clock(self, caller: wasmtime.Caller, _clock: int, _precision: int, at: int) -> int:
        self.now_ns += STEP_NS
        _put(caller, at, struct.pack("<Q", self.now_ns))
        return SUCCESS

    def _random(self, caller: wasmtime.Caller, at: int, count: int) -> int:
        count &= 0xFFFFFFFF
        self._count(count)
        while count:
            part = min(count, 1 << 20)
            _put(caller, at, self.rng.randbytes(part))
            at, count = at + part, count - part
        return SUCCESS

    def _descriptor(self, caller: wasmtime.Caller, descriptor: int, at: int) -> int:
        if _standard(descriptor) == SUCCESS:
            _put(caller, at, bytes(8) + struct.pack("<QQ", (1 << 64) - 1, 0))
        return _standard(descriptor)

    def _file(self, caller: wasmtime.Caller, descriptor: int, at: int) -> int:
        if _standard(descriptor) == SUCCESS:
            _put(caller, at, struct.pack("<QQQQQQQQ", 0, 0, 0, 1, 0, 0, 0, 0))
        return _standard(descriptor)

    def _read(
        self, caller: wasmtime.Caller, descriptor: int, vectors: int, count: int, read_at: int
    ) -> int:
        if descriptor != STDIN:
            return BAD_DESCRIPTOR
        read = 0
        for at, size in _vectors(caller, vectors, min(count, 1)):
            part = self.streams.read(size)
            self._count(len(part))
            _put(caller, at, part)
            read += len(part)
        _put(caller, read_at, struct.pack("<I", read))
        return SUCCESS

    def _write(
        self, caller: wasmtime.Caller, descriptor: int, vectors: int, count: int, written_at: int
    ) -> int:
        if descriptor not in (STDOUT, STDERR):
            return BAD_DESCRIPTOR
        written = 0
        for at, size in _vectors(caller, vectors, count):
            self._count(size)
            self.streams.write(descriptor, _get(caller, at, size))
            written += size
        _put(caller, written_at, struct.pack("<I", written))
        return SUCCESS

    def _poll(
        self, caller: wasmtime.Caller, asked_at: int, events_at: int, count: int, done_at: int
    ) -> int:
        """Let time pass at once; descriptors are not waited for."""
        events = b""
        for number in range(min(count & 0xFFFFFFFF, 64)):
            subscription = _get(caller, asked_at + 48 * number, 48)
            user, kind = struct.unpack_from("<QB", subscription)
            if kind != 0:
                return NOT_SUPPORTED
            timeout, _, flags = struct.unpack_from("<QQH", subscription, 24)
            self.now_ns = max(self.now_ns, timeout) if flags & 1 else self.now_ns + timeout
            self.now_ns = min(self.now_ns, (1 << 62))
            events += struct.pack("<QHB", user, 0, 0) + bytes(21)
        _put(caller, events_at, events)
        _put(caller, done_at, struct.pack("<I", len(events) // 32))
        return SUCCESS


def _standard(descriptor: int) -> int:
    return SUCCESS if descriptor in (STDIN, STDOUT, STDERR) else BAD_DESCRIPTOR


def _memory(caller: wasmtime.Caller) -> wasmtime.Memory:
    memory = caller["memory"]
    assert isinstance(memory, wasmtime.Memory), "the interpreter exports its memory"
    return memory


def _put(caller: wasmtime.Caller, at: int, data: bytes) -> None:
    _memory(caller).write(caller, bytearray(data), at & 0xFFFFFFFF)


def _get(caller: wasmtime.Caller, at: int, size: int) -> bytes:
    at &= 0xFFFFFFFF
    return bytes(_memory(caller).read(caller, at, at + size))


def _vectors(caller: wasmtime.Caller, at: int, count: int) -> Sequence[tuple[int, int]]:
    """Return places and sizes of a list of buffers."""
    written = _get(caller, at, 8 * min(count & 0xFFFFFFFF, 1024))
    return list(struct.iter_unpack("<II", written))

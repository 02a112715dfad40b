from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.batches.input_reader import RawLine, split_lines

TEXT = st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b""))


def cut(whole: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield whole[at : at + size]
        at += size
    yield whole[at:]


@given(
    st.lists(TEXT, max_size=12),
    st.booleans(),
    st.lists(st.integers(min_value=0, max_value=20), max_size=30),
)
def test_lines_should_lie_where_they_say_however_the_file_is_cut_into_pieces(
    lines: list[bytes], ended: bool, sizes: list[int]
) -> None:
    whole = b"\n".join(lines) + (b"\n" if ended else b"")
    found = list(split_lines(cut(whole, sizes), max_bytes=50))
    assert [line.n for line in found] == list(range(len(found)))
    bare = whole.removeprefix(b"\xef\xbb\xbf")
    wanted = [line for line in bare.split(b"\n") if line.strip(b" \t\r")]
    assert [whole[line.start : line.start + line.length] for line in found] == wanted
    for line in found:
        is_kept = line.length <= 50
        assert line.body == (whole[line.start : line.start + line.length] if is_kept else None)


def test_a_byte_order_mark_should_be_no_part_of_the_first_line() -> None:
    (line,) = split_lines([b"\xef\xbb\xbf{}\n"])
    assert line == RawLine(0, 3, 2, b"{}")


def test_a_line_without_end_should_not_be_kept_in_memory() -> None:
    piece = b"x" * (1024 * 1024)
    tracemalloc.start()
    try:
        (line,) = split_lines((piece for _ in range(64)), max_bytes=100)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert (line.length, line.body) == (64 * 1024 * 1024, None)


@pytest.mark.parametrize("nothing", [b"", b"\n\n", b" \r\n\t\n", b"\xef\xbb\xbf"])
def test_a_file_of_nothing_should_have_no_lines(nothing: bytes) -> None:
    assert list(split_lines([nothing])) == []

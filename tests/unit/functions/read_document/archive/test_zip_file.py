"""Archives that lie, hide or swell."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import HeadraceError, InvalidInput, Unsupported
from functions.read_document.archive.zip_file import (
    INFLATE_BYTES,
    MEBIBYTE,
    ZipArchive,
    ZipLimits,
    open_zip,
)


def archive(
    *files: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as target:
        for name, data in files:
            target.writestr(name, data)
    return buffer.getvalue()


def lying(data: bytes, *, size: int, crc: int | None = None) -> bytes:
    """Return an archive of one entry whose headers, both of them, claim another size."""
    changed = bytearray(data)
    for mark, at in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        place = changed.index(mark) + at
        if crc is not None:
            struct.pack_into("<L", changed, place, crc)
        struct.pack_into("<L", changed, place + 8, size)
    return bytes(changed)


def info(name: str, *, mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.create_system = 3
    made.external_attr = mode << 16
    made.compress_type = method
    return made


@given(
    files=st.dictionaries(st.text("abc/é ", min_size=1, max_size=8), st.binary(max_size=200)),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_a_sound_archive_should_be_read_whole(files: dict[str, bytes], method: int) -> None:
    files = {name.strip("/"): data for name, data in files.items() if name.strip("/")}
    opened = open_zip(archive(*files.items(), method=method))
    opened.verify()
    assert {entry.name: opened.read(entry.name) for entry in opened.entries} == files


def test_a_large_entry_should_come_in_small_pieces() -> None:
    opened = open_zip(
        archive(("a", b"abcd" * INFLATE_BYTES)), ZipLimits(entry_ratio=10_000, total_ratio=10_000)
    )
    assert max(map(len, opened.stream(opened.entries[0]))) <= INFLATE_BYTES


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../up", "a/../../b", "a\\b", "C:evil", "c:/evil", "a\nb", "..", "a/.."],
)
def test_a_name_that_leads_out_should_be_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="leads out of it"):
        open_zip(archive((name, b"x")))


def test_a_name_with_dots_that_leads_nowhere_should_be_read() -> None:
    assert open_zip(archive(("a..b/...c", b"x"))).read("a..b/...c") == b"x"


def test_a_name_cut_by_a_zero_byte_should_be_refused() -> None:
    data = archive(("safeZhidden", b"x")).replace(b"safeZhidden", b"safe\0hidden")
    with pytest.raises(InvalidInput, match="leads out of it"):
        open_zip(data)


def test_two_entries_of_one_name_should_be_refused() -> None:
    data = archive(("aa", b"1"), ("bb", b"2")).replace(b"bb", b"aa")
    with pytest.raises(InvalidInput, match="twice"):
        open_zip(data)


@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o060644])
def test_links_and_devices_should_be_refused(mode: int) -> None:
    with pytest.raises(InvalidInput, match="link or a device"):
        open_zip(archive((info("a", mode=mode), b"/etc/passwd")))


def test_folders_should_be_no_entries() -> None:
    opened = open_zip(archive((info("a/", mode=0o040755), b""), (info("a/b", mode=0o100644), b"x")))
    assert [entry.name for entry in opened.entries] == ["a/b"]


def test_an_encrypted_entry_should_be_told() -> None:
    data = bytearray(archive(("a", b"x")))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    with pytest.raises(Unsupported, match="password"):
        open_zip(bytes(data))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_rare_compression_should_be_told(method: int) -> None:
    with pytest.raises(Unsupported, match="deflate"):
        open_zip(archive((info("a", method=method), b"x" * 100)))


def test_a_bomb_should_be_refused_before_it_is_inflated() -> None:
    with pytest.raises(InvalidInput, match="200 times") as caught:
        open_zip(archive(("zeros", bytes(8 * MEBIBYTE))))
    assert caught.value.limit == "200"


def test_many_small_bombs_should_be_refused_together() -> None:
    files = [(f"{number}", bytes(MEBIBYTE)) for number in range(40)]
    with pytest.raises(InvalidInput, match="100 times"):
        open_zip(archive(*files))


def test_what_unpacks_to_too_much_should_be_refused() -> None:
    with pytest.raises(Unsupported, match="limit"):
        open_zip(archive(("a", b"x" * 200), ("b", b"y" * 200)), ZipLimits(total_bytes=300))
    with pytest.raises(Unsupported, match="limit"):
        open_zip(archive(("a", b"x" * 200)), ZipLimits(entry_bytes=100))


def test_too_many_entries_should_be_refused_before_they_are_listed() -> None:
    files = [(f"{number}", b"") for number in range(12)]
    with pytest.raises(Unsupported, match="more than 10 files"):
        open_zip(archive(*files), ZipLimits(entries=10))


@pytest.mark.parametrize("size", [10, 999, 1001, 200_000])
def test_an_entry_that_lies_about_its_size_should_be_refused_when_read(size: int) -> None:
    text = bytes(number % 251 for number in range(1000))
    opened = open_zip(lying(archive(("a", text)), size=size))
    with pytest.raises(InvalidInput, match="damaged"):
        opened.read("a")


def test_an_entry_that_hides_its_end_should_be_refused_even_if_the_sum_is_right() -> None:
    text = b"shown" + b"hidden" * 5000
    data = lying(archive(("a", text)), size=5, crc=zlib.crc32(b"shown"))
    with pytest.raises(InvalidInput, match="damaged"):
        open_zip(data).verify()


def test_an_entry_claimed_to_have_four_gigabytes_should_be_refused_by_its_claim() -> None:
    with pytest.raises(HeadraceError, match="unpacks"):
        open_zip(lying(archive(("a", b"x")), size=0xFFFFFFF0))


def test_a_local_header_with_another_name_should_be_refused() -> None:
    data = archive(("aa", b"1")).replace(b"aa", b"bb", 1)
    with pytest.raises(InvalidInput, match="damaged"):
        open_zip(data).read("aa")


def test_entries_that_share_their_bytes_should_count_each() -> None:
    one = archive(("a", bytes(600_000)))
    directory = one[one.index(b"PK\x01\x02") : one.index(b"PK\x05\x06")]
    end = bytearray(one[one.index(b"PK\x05\x06") :])
    many = b"".join(directory[:46] + bytes([97 + number]) for number in range(20))
    struct.pack_into("<HHL", end, 8, 20, 20, len(many))
    with pytest.raises(InvalidInput, match="not safe"):
        open_zip(one[: one.index(b"PK\x01\x02")] + many + bytes(end))


@given(cut=st.integers(0, 400))
def test_a_cut_archive_should_be_refused_and_never_a_fault(cut: int) -> None:
    whole = archive(("a.txt", b"text " * 50), ("b.txt", b"more"))
    with pytest.raises(HeadraceError):
        open_zip(whole[: min(cut, len(whole) - 1)]).verify()


@given(at=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_flipped_byte_should_never_be_a_fault(at: int, value: int) -> None:
    data = bytearray(archive(("a.txt", b"text " * 50), ("b.txt", b"more")))
    data[at % len(data)] = value
    try:
        opened: ZipArchive = open_zip(bytes(data))
        opened.verify()
    except HeadraceError:
        return
    assert len(opened.entries) <= 2


def test_a_missing_entry_should_be_named() -> None:
    with pytest.raises(InvalidInput, match="lacks its part 'b'"):
        open_zip(archive(("a", b""))).read("b")

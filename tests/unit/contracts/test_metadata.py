"""What users may tell of a document, and whether it fits where it is kept."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.s3vectors import NON_FILTERABLE
from chalicelib.contracts.inbox_metadata import InboxMetadata, read_inbox_metadata
from chalicelib.contracts.ingest import VectorMetadata
from chalicelib.contracts.metadata import (
    MAX_BYTES,
    MAX_NAMES,
    RESERVED,
    Metadata,
    check_metadata,
    decode_metadata,
    encode_metadata,
)
from chalicelib.contracts.picture_labels import MAX_LABEL_BYTES, Label
from chalicelib.errors import InvalidInput
from chalicelib.inference.efficientnet import MAX_LABELS
from chalicelib.retrieval.ids import MAX_DEPTH, path_hashes
from localcloud.s3vectors.records import MAX_FILTERABLE_BYTES, MAX_METADATA_KEYS

S3_USER_METADATA_BYTES = 2 * 1024
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html"""
MAX_NON_FILTERABLE_KEYS = 10
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_S3VectorBuckets_MetadataConfiguration.html"""
LONGEST_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

names = st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True).filter(
    lambda name: name not in RESERVED
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
numbers = st.integers(-(10**15) + 1, 10**15 - 1) | st.floats(-1e6, 1e6).map(
    lambda number: float(f"{number:.15g}")
)
values = st.booleans() | numbers | texts | st.lists(texts, min_size=1, max_size=4)
given_metadata = st.dictionaries(names, values, max_size=4)


def fitting(filler: str) -> Metadata:
    """Return metadata of as many names, and about as many bytes, as are taken."""
    metadata: Metadata = {f"n{n:02}": "" for n in range(MAX_NAMES)}
    for n in itertools.count():
        name = f"n{n % MAX_NAMES:02}"
        try:
            metadata = check_metadata(metadata | {name: f"{metadata[name]}{filler}"})
        except InvalidInput:
            assert len(decoded_json(metadata)) > MAX_BYTES - 8
            return metadata
    raise AssertionError("unreachable")


def decoded_json(metadata: Metadata) -> bytes:
    written = encode_metadata(metadata)
    return base64.urlsafe_b64decode(written + "=" * (-len(written) % 4))


@given(given_metadata)
def test_metadata_comes_back_as_it_was_sent(given: dict[str, object]) -> None:
    checked = check_metadata(given)
    assert checked == {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
    }
    assert decode_metadata(encode_metadata(checked)) == checked
    carried = InboxMetadata("request", checked, "doc_" + "a" * 24, 2)
    assert read_inbox_metadata(carried.written()) == carried


def test_an_upload_by_hand_may_carry_json_itself() -> None:
    assert decode_metadata('{"year": 2024, "whole": 2.0}') == {"year": 2024, "whole": 2}


def test_the_plainest_upload_carries_nothing() -> None:
    assert read_inbox_metadata({}) == InboxMetadata()
    assert InboxMetadata().written() == {}


@pytest.mark.parametrize(
    ("given", "field", "limit"),
    [
        ({"Year": 1}, "metadata", "[a-z][a-z0-9_]{0,39}"),
        ({"x" * 41: 1}, "metadata", "[a-z][a-z0-9_]{0,39}"),
        ({"": 1}, "metadata", "[a-z][a-z0-9_]{0,39}"),
        ({"path": "a"}, "metadata.path", None),
        ({"a": None}, "metadata.a", None),
        ({"a": {"b": 1}}, "metadata.a", None),
        ({"a": [1]}, "metadata.a", None),
        ({"a": []}, "metadata.a", "20"),
        ({"a": ["x"] * 21}, "metadata.a", "20"),
        ({"a": "x" * 257}, "metadata.a", "256"),
        ({"a": ["x" * 257]}, "metadata.a", "256"),
        ({"a": float("nan")}, "metadata.a", None),
        ({"a": float("-inf")}, "metadata.a", None),
        ({"a": 10**15}, "metadata.a", "15"),
        ({"a": 0.1 + 0.2}, "metadata.a", "15"),
        ({f"a{n}": n for n in range(21)}, "metadata", "20"),
        ({f"a{n}": "x" * 250 for n in range(5)}, "metadata", "1024"),
        ({"a": "\ud800"}, "metadata", None),
    ],
)
def test_what_is_wrong_is_named_with_its_limit(
    given: dict[str, object], field: str, limit: str | None
) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_metadata(given)
    assert (raised.value.field, raised.value.limit) == (field, limit)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"a": nope}',
        "%%%",
        "YQ",
        "W10",
        "{}" * 400,
        base64.b64encode(b"\xff\xfe").decode(),
        '{"a": 1e999}',
        "[" * 3000,
        "a" * 1_000,
    ],
)
def test_what_is_no_metadata_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        decode_metadata(text)
    assert str(raised.value.field).startswith("metadata")


@given(st.text())
def test_any_text_is_metadata_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        decode_metadata(text)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"container": "doc_x"}, "container"),
        ({"container": "../" + "a" * 24}, "container"),
        ({"depth": "one"}, "depth"),
        ({"depth": "-1"}, "depth"),
        ({"depth": "1" * 3}, "depth"),
    ],
)
def test_a_forged_container_is_refused(given: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_inbox_metadata(given)
    assert raised.value.field == field


@pytest.mark.parametrize("filler", ["x", "ü", "\N{CJK UNIFIED IDEOGRAPH-4E00}", '"'])
class TestTheMostThatIsTaken:
    def test_fits_the_user_metadata_of_an_object(self, filler: str) -> None:
        carried = InboxMetadata("c" * 64, fitting(filler), "doc_" + "a" * 24, 99).written()
        assert len("".join((*carried, *carried.values())).encode()) <= S3_USER_METADATA_BYTES

    def test_fits_the_filterable_metadata_of_a_vector(self, filler: str) -> None:
        wire = VectorMetadata(
            document_id="doc_" + "a" * 24,
            version="v_" + "a" * 24,
            collection="c" * 63,
            path="p",
            page=999_999,
            heading="h",
            start=0,
            end=1,
            text="t",
            media_type=LONGEST_MEDIA_TYPE,
            language="deu",
            uploaded_at=99_999_999_999,
            folders=path_hashes("f/" * (MAX_DEPTH + 5) + "file"),
            labels=tuple(Label(name="n" * 60, share=0.1) for _ in range(MAX_LABELS)),
            metadata=fitting(filler),
        ).wire()
        filterable = {name: value for name, value in wire.items() if name not in NON_FILTERABLE}
        written = json.dumps(filterable, ensure_ascii=False, separators=(",", ":"))
        assert len(written.encode()) <= MAX_FILTERABLE_BYTES
        assert len(wire) <= MAX_METADATA_KEYS
        assert len(NON_FILTERABLE) <= MAX_NON_FILTERABLE_KEYS

    def test_fits_an_index_whose_filters_may_use_labels(self, filler: str) -> None:
        wire = a_picture(60, fitting(filler)).wire()
        filterable = {
            name: value
            for name, value in wire.items()
            if name == "labels" or name not in NON_FILTERABLE
        }
        written = json.dumps(filterable, ensure_ascii=False, separators=(",", ":"))
        assert len(written.encode()) <= MAX_FILTERABLE_BYTES


def a_picture(characters: int, metadata: Metadata) -> VectorMetadata:
    """Return what the vector of a picture carries whose labels have names of so many characters."""
    return VectorMetadata(
        document_id="doc_" + "a" * 24,
        version="v_" + "a" * 24,
        collection="c" * 63,
        path="p",
        page=1,
        heading="",
        start=0,
        end=1,
        text="t",
        media_type="image/jpeg",
        uploaded_at=99_999_999_999,
        folders=path_hashes("f/" * (MAX_DEPTH + 5) + "file"),
        labels=tuple(
            Label(name=str(n) * characters, share=(9 - n) / 10) for n in range(MAX_LABELS)
        ),
        metadata=metadata,
    )


@pytest.mark.parametrize(("characters", "kept"), [(20, 10), (60, 5), (1_000, 1)])
def test_the_least_likely_labels_go_where_there_is_no_room(characters: int, kept: int) -> None:
    wire = a_picture(characters, {}).wire()
    again = VectorMetadata.model_validate(wire)
    assert again.labels == a_picture(characters, {}).labels[:kept]
    assert kept == 1 or len(json.dumps(wire["labels"])) <= MAX_LABEL_BYTES


def test_a_vector_leaves_out_what_is_not_known() -> None:
    wire = VectorMetadata(
        document_id="d",
        version="v",
        collection="c",
        path="p",
        page=1,
        heading="",
        start=0,
        end=1,
        text="x",
        metadata={"tags": ("a", "b")},
    ).wire()
    assert wire["m_tags"] == ["a", "b"]
    assert not {"media_type", "language", "uploaded_at", "folders", "metadata"} & wire.keys()

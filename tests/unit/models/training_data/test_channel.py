"""Kinds of rows, and channels that are written and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.failures import BadData
from models.training_data.channel import (
    MANIFEST,
    PARTS,
    ChannelWriter,
    DataPart,
    DataSource,
    read_channel,
    write_channel,
)
from models.training_data.rows import ROWS, ChatExample, ClassedImage, LabelledText

ABOUT = DataSource(source="made here", licence="CC0-1.0")
USER, ASSISTANT = {"role": "user", "content": "One?"}, {"role": "assistant", "content": "Two."}
SYSTEM = {"role": "system", "content": "Be brief."}


def labelled(text: str, label: str = "a") -> LabelledText:
    return LabelledText(text=text, label=label)


def span(start: int, end: int) -> dict[str, object]:
    return {"start": start, "end": end, "label": "x"}


def parts(count: int) -> dict[DataPart, list[LabelledText]]:
    return {part: [labelled(f"{part} {at}", "ab"[at % 2]) for at in range(count)] for part in PARTS}


def test_a_channel_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = parts(3)
    manifest = write_channel(tmp_path, "labelled_text", rows, ABOUT)
    found = read_channel(tmp_path, LabelledText)
    assert {part: list(found.part(part)) for part in PARTS} == rows
    assert found.manifest == manifest
    assert manifest.counts == {"train": 3, "validation": 3, "test": 3}
    assert manifest.classes == {"a": 6, "b": 3}
    assert manifest.licence == "CC0-1.0"


@given(order=st.permutations(range(6)))
def test_the_version_depends_on_no_order(
    order: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("channel")
    rows = parts(6)
    shuffled = {part: [rows[part][at] for at in order] for part in PARTS}
    first = write_channel(folder, "labelled_text", rows, ABOUT).version
    other = DataSource(source="elsewhere", licence="MIT")
    assert write_channel(folder, "labelled_text", shuffled, other).version == first
    swapped = {**rows, "train": rows["test"], "test": rows["train"]}
    assert write_channel(folder, "labelled_text", swapped, ABOUT).version != first


def test_pictures_are_named_by_their_content(tmp_path: Path) -> None:
    with ChannelWriter(tmp_path, "classed_images") as writer:
        names = [writer.add_file(content, ".PNG") for content in (b"one", b"two", b"one")]
        for part in PARTS:
            writer.add(part, ClassedImage(file=names[0], label="x"))
        writer.close(ABOUT)
    assert names[0] == names[2] != names[1]
    found = read_channel(tmp_path, ClassedImage)
    assert found.file(found.test[0].file).read_bytes() == b"one"
    found.file(names[0]).unlink()
    with pytest.raises(BadData, match=r"train.jsonl, line 1: there is no picture"):
        read_channel(tmp_path, ClassedImage)


def test_a_channel_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"data\.json cannot be read"):
        read_channel(tmp_path, LabelledText)
    write_channel(tmp_path, "labelled_text", parts(2), ABOUT)
    with pytest.raises(BadData, match="of the kind labelled_text, and chat is needed"):
        read_channel(tmp_path, ChatExample)
    (tmp_path / "train.jsonl").write_text('{"text": "a", "label": "b"}\n')
    with pytest.raises(BadData, match=r"has 1 rows, and data\.json says 2"):
        read_channel(tmp_path, LabelledText)
    (tmp_path / MANIFEST).write_text('{"kind": "stones"}')
    with pytest.raises(BadData, match=r"data\.json: source"):
        read_channel(tmp_path, LabelledText)
    write_channel(tmp_path, "labelled_text", {"train": parts(2)["train"]}, ABOUT)
    with pytest.raises(BadData, match="has no row of the part test"):
        read_channel(tmp_path, LabelledText)


def test_a_broken_channel_stays_without_a_manifest(tmp_path: Path) -> None:
    write_channel(tmp_path, "labelled_text", parts(2), ABOUT)
    with ChannelWriter(tmp_path, "labelled_text") as writer:
        writer.add("train", labelled("a"))
    assert not (tmp_path / MANIFEST).exists()


@pytest.mark.parametrize(
    ("kind", "fields", "error"),
    [
        ("chat", {"messages": [USER]}, "last_not_assistant"),
        ("chat", {"messages": [ASSISTANT]}, "role_order"),
        ("chat", {"messages": [USER, USER, ASSISTANT]}, "role_order"),
        ("chat", {"messages": [USER, SYSTEM, ASSISTANT]}, "role_order"),
        ("chat", {"messages": [SYSTEM]}, "role_order"),
        ("chat", {"messages": [USER, {"role": "bot", "content": "x"}]}, "literal_error"),
        ("chat", {"messages": [USER, {**ASSISTANT, "content": " \n"}]}, "empty_text"),
        ("preference", {"messages": [USER], "chosen": "a", "rejected": "a "}, "chosen_is_rejected"),
        (
            "preference",
            {"messages": [USER, ASSISTANT], "chosen": "a", "rejected": "b"},
            "last_not_user",
        ),
        ("labelled_text", {"text": "a", "label": None}, "empty_label"),
        ("labelled_text", {"text": "a", "label": "NaN"}, "empty_label"),
        ("labelled_text", {"text": "a", "label": float("nan")}, "empty_label"),
        ("labelled_text", {"text": "a", "label": "  "}, "empty_label"),
        ("text_pairs", {"query": "a", "passage": "b", "negative": "b"}, "chosen_is_rejected"),
        ("tagged_text", {"text": "", "spans": []}, "empty_text"),
        ("tagged_text", {"text": "a", "spans": [span(0, 2)]}, "span_range"),
        ("tagged_text", {"text": "abcd", "spans": [span(0, 2), span(1, 3)]}, "span_overlap"),
        ("classed_images", {"file": "../a.png", "label": "x"}, "outside_path"),
        ("classed_images", {"file": "/etc/a.png", "label": "x"}, "outside_path"),
        ("classed_images", {"file": "C:\\a.png", "label": "x"}, "outside_path"),
    ],
)  # fmt: skip
def test_a_broken_row_is_refused_by_its_rule(
    kind: Any, fields: dict[str, object], error: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        ROWS[kind].model_validate(fields)
    assert raised.value.errors()[0]["type"] == error


def test_numbers_are_labels() -> None:
    rows = [
        LabelledText.model_validate({"text": "a", "label": each}) for each in (1, True, " x ", 1.0)
    ]
    assert [row.label for row in rows] == ["1", "true", "x", "1"]
    assert rows[0].line() == '{"text":"a","label":"1"}'

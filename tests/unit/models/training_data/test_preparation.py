"""Data from files and folders to channels: forms, splits, and files of any content."""

from __future__ import annotations

import csv
import json
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import click
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cli.data.group import data
from models.failures import BadData
from models.training.recipe import DataKind
from models.training_data import parquet
from models.training_data.channel import PARTS, read_channel
from models.training_data.normaliser import RowNormaliser
from models.training_data.preparation import DataRequest, check, prepare
from models.training_data.problems import ProblemLog
from models.training_data.rows import (
    ROWS,
    CaptionedImage,
    ChatExample,
    ClassedImage,
    DataRow,
    LabelledText,
    PreferenceExample,
)
from models.training_data.sources import part_of
from models.training_data.splits import ABOUT_TEST, TEST, TRAIN, VALIDATION, split_parts
from models.training_data.tables import read_table
from tests.unit.models.training_data.test_bad_data import (
    archive,
    chats,
    labelled,
    lines,
    pictures,
    sentence,
)

ASKED = {"question": "Where?", "answer": "Here."}
CHAT = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
TEXT_PART = [{"text": "a"}]

FORMS: Sequence[tuple[DataKind, Mapping[str, Any], Mapping[str, Any]]] = [
    ("chat", {"messages": CHAT}, {"messages": CHAT}),
    (
        "chat",
        {
            "schemaVersion": "bedrock-conversation-2024",
            "system": [{"text": "s"}],
            "messages": [{**each, "content": [{"text": each["content"]}]} for each in CHAT],
        },
        {"messages": [{"role": "system", "content": "s"}, *CHAT]},
    ),
    (
        "chat",
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
        {"messages": CHAT},
    ),
    ("chat", {"prompt": "a", "completion": "b"}, {"messages": CHAT}),
    ("chat", {"prompt": CHAT[:1], "completion": CHAT[1:]}, {"messages": CHAT}),
    ("chat", {"instruction": "a", "input": "", "output": "b"}, {"messages": CHAT}),
    (
        "chat",
        {"instruction": "a", "input": "c", "output": "b"},
        {"messages": [{"role": "user", "content": "a\n\nc"}, CHAT[1]]},
    ),
    (
        "chat",
        {"asked": ASKED, "rating": "down", "correction": "There."},
        {
            "messages": [
                {"role": "user", "content": "Where?"},
                {"role": "assistant", "content": "There."},
            ]
        },
    ),
    (
        "preference",
        {"prompt": "a", "chosen": "b", "rejected": "c"},
        {"messages": CHAT[:1], "chosen": "b", "rejected": "c"},
    ),
    (
        "preference",
        {"chosen": CHAT, "rejected": [CHAT[0], {"role": "assistant", "content": "c"}]},
        {"messages": CHAT[:1], "chosen": "b", "rejected": "c"},
    ),
    (
        "preference",
        {
            "input": {"messages": CHAT[:1]},
            "preferred_output": CHAT[1:],
            "non_preferred_output": [{"role": "assistant", "content": "c"}],
        },
        {"messages": CHAT[:1], "chosen": "b", "rejected": "c"},
    ),
    ("text", {"text": "a"}, {"text": "a"}),
    ("text", {"input": "a"}, {"text": "a"}),
    ("labelled_text", {"text": "a", "label": 3}, {"text": "a", "label": "3"}),
    (
        "labelled_text",
        {"item": {"prompt": "q", "answer": "a"}, "provenance": {"label": "good"}, "part": "train"},
        {"text": "q\n\na", "label": "good"},
    ),
    (
        "labelled_text",
        {"item": {"prompt": "q", "answer": None}, "provenance": {"label": "good"}},
        {"text": "q", "label": "good"},
    ),
    (
        "tagged_text",
        {"tokens": ["Ann", "Lee", "runs"], "ner_tags": ["B-PER", "I-PER", "O"]},
        {"text": "Ann Lee runs", "spans": [{"start": 0, "end": 7, "label": "PER"}]},
    ),
    (
        "tagged_text",
        {"text": "Ann runs", "entities": [[0, 3, "PER"]]},
        {"text": "Ann runs", "spans": [{"start": 0, "end": 3, "label": "PER"}]},
    ),
    ("text_pairs", {"query": "a", "passage": "b"}, {"query": "a", "passage": "b"}),
    (
        "text_pairs",
        {"anchor": "a", "positive": "b", "negative": "c"},
        {"query": "a", "passage": "b", "negative": "c"},
    ),
]


@pytest.mark.parametrize(("kind", "written", "row"), FORMS)
def test_forms_of_others_are_read(
    kind: DataKind, written: Mapping[str, Any], row: Mapping[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(lines([{**written, "id": at, "group": at} for at in range(12)]))
    request = DataRequest(path, kind, licence="CC0", accepted={"one_class"})
    report = check(request)
    assert report.kind == kind
    found = check(DataRequest(path)).kind
    assert found == kind or written.get("asked"), "the kind is told by the fields"
    read = next(iter(_rows_of(path, kind)))
    assert json.loads(read.line()) == {**row, "id": "0", "group": "0"}


def _rows_of(path: Path, kind: DataKind) -> list[DataRow]:
    log = ProblemLog()
    normaliser = RowNormaliser(kind, {}, log)
    found = [normaliser.row(record) for record in read_table(path, path.name, log)]
    assert not list(log.of("error"))
    return [row for row in found if row is not None]


def test_columns_are_mapped(tmp_path: Path) -> None:
    path = tmp_path / "r.tsv"
    path.write_text(
        "body\ttext\tstars\n" + "".join(f"{sentence(n)}\tx\t{n % 2}\n" for n in range(30))
    )
    columns = {"text": "body", "label": "stars"}
    done = prepare(DataRequest(path, columns=columns, licence="CC0"), tmp_path / "channel")
    assert done.report.kind == "labelled_text"
    channel = read_channel(tmp_path / "channel", LabelledText)
    assert {row.label for row in channel.train} == {"0", "1"}
    assert all(row.text != "x" for row in channel.train)


@given(order=st.permutations(range(60)), seed=st.integers(0, 2**16))
@settings(max_examples=10, deadline=None)
def test_the_split_depends_on_no_order(
    order: list[int], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("order")
    every = [{**labelled(n + seed), "group": str(n // 2)} for n in range(60)]
    versions = set()
    for number, chosen in enumerate((range(60), order)):
        path = folder / f"{number}.jsonl"
        path.write_text(lines([every[at] for at in chosen]))
        done = prepare(DataRequest(path, licence="CC0"), folder / f"channel{number}")
        assert done.manifest is not None
        versions.add(done.manifest.version)
    assert len(versions) == 1
    channel = read_channel(folder / "channel0", LabelledText)
    groups = [{row.group for row in channel.part(part)} for part in PARTS]
    assert sum(map(len, groups)) == len(set().union(*groups))
    assert all(groups)


@given(st.integers(0, 2**32), st.integers(30, 400), st.integers(0, 5))
def test_more_rows_move_no_group(seed: int, count: int, without: int) -> None:
    keys = np.random.default_rng(seed).integers(0, 2**64, count, np.uint64)
    nothing = np.full(count, -1, np.int16)
    whole = split_parts(np.arange(count), keys, nothing)
    part = split_parts(np.arange(count - without), keys[without:], nothing[without:])
    # A held-out part of a few rows is filled, in either.
    assert (whole[without:] != part).sum() <= (0 if count > 300 else 8)
    assert {TRAIN, VALIDATION, TEST} == set(part.tolist())


def test_nearly_equal_rows_are_of_one_part(tmp_path: Path) -> None:
    twins = [
        {"text": f"{sentence(n)}{end}", "label": "ab"[n % 2]} for n in range(80) for end in ".!"
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text(lines(twins))
    prepare(DataRequest(path, licence="CC0"), tmp_path / "channel")
    channel = read_channel(tmp_path / "channel", LabelledText)
    texts = [{row.text[:-1] for row in channel.part(part)} for part in PARTS]
    assert sum(map(len, texts)) == len(set().union(*texts))


def test_a_template_makes_no_rows_alike(tmp_path: Path) -> None:
    template = "Turn the warden's note below into JSON with the fields who, what and when. " * 3
    path = tmp_path / "rows.jsonl"
    path.write_text(
        lines([{"prompt": template + sentence(n), "completion": str(n)} for n in range(100)])
    )
    report = check(DataRequest(path))
    assert report.alike == 0
    assert report.parts["test"] > 3


def test_given_parts_stay(tmp_path: Path) -> None:
    for name, numbers in (("pairs-train", range(40)), ("pairs-test", range(40, 60))):
        told = [{"prompt": sentence(n), "chosen": "a", "rejected": "b"} for n in numbers]
        (tmp_path / f"{name}.jsonl").write_text(lines(told))
    (tmp_path / "provenance.jsonl").write_text('{"task_id": "lt_1"}\n')
    done = prepare(DataRequest(tmp_path, licence="CC0"), tmp_path / "channel")
    channel = read_channel(tmp_path / "channel", PreferenceExample)
    assert {row.messages[0].content for row in channel.test} == {sentence(n) for n in range(40, 60)}
    assert len(channel.train) + len(channel.validation) == 40
    assert channel.validation
    assert [each.name for each in done.report.problems] == ["small_data", "other_file"]


def test_rows_for_validation_judge_where_no_others_do(tmp_path: Path) -> None:
    data, held_out = tmp_path / "data", [labelled(number) for number in range(40, 80)]
    data.mkdir()
    (data / "train.jsonl").write_text(lines([*map(labelled, range(40))]))
    (data / "validation.jsonl").write_text(lines(held_out))
    done = prepare(DataRequest(data, licence="CC0"), tmp_path / "channel")
    assert done.manifest is not None, done.report.errors
    assert (done.manifest.counts["test"], done.manifest.split) == (40, ABOUT_TEST)
    near = {"text": f"{sentence(5)}!", "label": "odd"}
    leaks = [labelled(3), {**labelled(4), "label": "odd"}, near]
    (data / "validation.jsonl").write_text(lines([*held_out, *leaks]))
    report = check(DataRequest(data))
    assert {each.name for each in report.errors} == {"leaked_row", "leaked_input", "near_leak"}


@pytest.mark.parametrize("name", ["reviews-test.jsonl", "dev.jsonl", "train.jsonl"])
def test_a_single_file_is_split_whatever_its_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(lines([*map(labelled, range(60))]))
    report = check(DataRequest(tmp_path / name))
    assert not report.errors
    assert all(report.parts.values())


def test_held_out_rows_of_ones_own(tmp_path: Path) -> None:
    chats()(tmp_path)
    more = [{"prompt": sentence(n), "completion": "x"} for n in range(200, 240)]
    (tmp_path / "own.jsonl").write_text(lines(more))
    request = DataRequest(tmp_path / "rows.jsonl", None, tmp_path / "own.jsonl", licence="CC0")
    prepare(request, tmp_path / "channel")
    channel = read_channel(tmp_path / "channel", ChatExample)
    assert len(channel.test) == 40
    assert {row.answer_texts()[0] for row in channel.test} == {"x"}


def test_classes_should_be_taken_where_captions_are_wished_and_others_not(tmp_path: Path) -> None:
    pictures()(tmp_path)
    wished: DataKind = "captioned_images"
    others: Sequence[DataKind] = ("classed_images",)
    told = check(DataRequest(tmp_path, wished, other_kinds=others))
    assert told.kind == "classed_images"
    assert not told.errors
    refused = check(DataRequest(tmp_path, wished))
    assert {each.name for each in refused.errors} >= {"missing_column"}
    named = [{"file": f"cats/{at}.png", "text": f"cat {at}", "label": "cat"} for at in range(12)]
    (tmp_path / "metadata.jsonl").write_text(lines(named))
    assert check(DataRequest(tmp_path, wished, other_kinds=others)).kind == wished


def test_class_folders_and_archives(tmp_path: Path) -> None:
    for name in ("folders", "archives"):
        (tmp_path / name).mkdir()
    pictures()(tmp_path / "folders")
    prepare(DataRequest(tmp_path / "folders", licence="CC0"), tmp_path / "one")
    folders = read_channel(tmp_path / "one", ClassedImage)
    assert set(folders.manifest.classes) == {"cats", "dogs"}
    assert folders.file(folders.test[0].file).read_bytes().startswith(b"\x89PNG")
    path = archive("0099.txt")(tmp_path / "archives")
    accepted = {"missing_field"}
    done = prepare(DataRequest(path, licence="CC0", accepted=accepted), tmp_path / "two")
    assert done.manifest is not None, done.report.errors
    tar = read_channel(tmp_path / "two", CaptionedImage)
    assert sum(tar.manifest.counts.values()) == 12
    assert tar.train[0].text == "a cat"


def test_a_folder_of_texts(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for number in range(20):
        told = "\n\n".join(f"{sentence(number * 100 + n)} " * 8 for n in range(20))
        # A text on testing is no test.
        (tmp_path / "texts" / f"{number}-testing.md").write_text(told)
    done = prepare(DataRequest(tmp_path / "texts", licence="CC0"), tmp_path / "channel")
    assert done.manifest is not None
    assert done.report.kind == "text"
    assert done.report.rows > 40
    assert done.report.parts["train"] > 20


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("data/train-00000-of-00002.parquet", "train"),
        ("pairs-test.jsonl", "test"),
        ("val/cat/1.png", "validation"),
        ("dev.csv", "validation"),
        ("eval_rows.jsonl", "test"),
        ("trainer.jsonl", None),
        ("contest.csv", None),
    ],
)
def test_a_file_name_says_its_part(name: str, part: str | None) -> None:
    assert part_of(name) == part


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["messages", "role", "content", "text", "label", "prompt", "completion"]
            )
            | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    values=st.lists(JSON, max_size=8),
    kind=st.sampled_from(get_args(DataKind)),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
@example(values=[{"text": "\ud800", "label": "x"}], kind="labelled_text", encoding="utf-8")
@settings(max_examples=50, deadline=None)
def test_any_json_is_read_or_refused(
    values: list[Any], kind: DataKind, encoding: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "rows.jsonl"
    path.write_bytes(lines(values).encode(encoding, "replace"))
    report = check(DataRequest(path, kind))
    assert report.errors, "so few rows are never fit to train on"


@given(
    written=st.lists(
        st.tuples(st.text(string.printable, min_size=1, max_size=40), st.sampled_from("abc")),
        min_size=1,
        max_size=10,
    )
)
@settings(max_examples=40, deadline=None)
def test_csv_gives_what_was_written(
    written: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows(written)
    log = ProblemLog()
    found = [tuple(each.fields.values()) for each in read_table(path, "rows.csv", log)]
    assert found == [each for each in written if any(cell.strip() for cell in each)]


@given(
    content=st.binary(max_size=300),
    suffix=st.sampled_from(["jsonl", "json", "csv", "tsv", "txt", "dat"]),
)
@example(content="text,label\na,x\n".encode("utf-16") + b"!", suffix="csv")
@settings(max_examples=50, deadline=None)
def test_any_bytes_are_read_or_refused(
    content: bytes, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("bytes") / f"rows.{suffix}"
    path.write_bytes(content)
    log = ProblemLog()
    records = list(read_table(path, path.name, log))
    assert records or log.found()


@pytest.mark.parametrize(("broken", "read", "lost"), [('"a" b', 40, 1), ('"a b', 20, 21)])
def test_rows_after_a_broken_one_are_read_and_lost_ones_counted(
    broken: str, read: int, lost: int, tmp_path: Path
) -> None:
    before, after = (
        lines([f"{sentence(number)},{number % 2}" for number in numbers])
        for numbers in (range(20), range(20, 40))
    )
    (tmp_path / "rows.csv").write_text(f"text,label\n{before}{broken},0\n{after}")
    report = check(DataRequest(tmp_path / "rows.csv", accepted={"broken_csv"}))
    counts = {each.name: each.count for each in report.problems}
    assert (report.rows, counts["broken_csv"]) == (read, lost)


def test_a_document_of_one_line_is_read_by_its_list(tmp_path: Path) -> None:
    document = {"version": 1, "rows": [*map(labelled, range(20))]}
    (tmp_path / "rows.json").write_text(json.dumps(document))
    assert check(DataRequest(tmp_path / "rows.json")).rows == 20


def test_a_cell_of_an_optional_field_may_be_empty(tmp_path: Path) -> None:
    rows = [f"{sentence(n)},passage {n}," for n in range(20)]
    (tmp_path / "rows.csv").write_text(lines(["query,passage,negative", *rows]))
    assert check(DataRequest(tmp_path / "rows.csv")).rows == 20


def test_a_parquet_file_whose_reader_is_killed_is_not_taken_for_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "find_spec", lambda _: None)
    reader = tmp_path / "python"
    reader.write_text('#!/bin/sh\necho \'{"text": "a"}\'\nprintf \'{"te\'\nkill -9 $$\n')
    reader.chmod(0o700)
    read = parquet.parquet_reader(reader)
    assert read is not None
    with pytest.raises(BadData, match=r"rows\.parquet cannot be read whole: .* code -9"):
        list(read(tmp_path / "rows.parquet"))


def test_names_that_no_terminal_prints_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(lines([{**labelled(number), "\ud800\x1b[2J": 1} for number in range(20)]))
    (found,) = [each for each in check(DataRequest(path)).problems if each.name == "unread_column"]
    assert found.places[0].detail == r"\ud800\x1b[2J, in 20 rows"


def test_every_kind_of_rows_has_a_class_and_can_be_checked() -> None:
    (kind,) = [each for each in data.commands["check"].params if each.name == "kind"]
    assert isinstance(kind.type, click.Choice)
    assert get_args(DataKind) == tuple(ROWS) == tuple(kind.type.choices)

"""Kinds of bad data: each is found with its row, before anything is paid for."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers

from models.training.recipe import DataKind
from models.training_data import webdataset
from models.training_data.preparation import DataRequest, prepare
from models.training_data.problems import PROBLEMS

Make = Callable[[Path], Path]


@dataclass(frozen=True, slots=True)
class BadData:
    """Data with one problem, at a place, and what else its request has."""

    problem: str
    place: str
    make: Make
    kind: DataKind | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""


def sentence(number: int) -> str:
    """Return a sentence that shares little with others."""
    return " ".join(f"{word}{zlib.crc32(f'{number} {word}'.encode()):x}" for word in "abcdef")


def labelled(number: int) -> dict[str, Any]:
    return {"text": sentence(number), "label": "odd" if number % 2 else "even"}


def chat(number: int) -> dict[str, Any]:
    return {"prompt": sentence(number), "completion": f"It is {number}."}


def turns(*roles: str) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": f"{role} says"} for role in roles]}


def lines(rows: Sequence[Any]) -> str:
    return "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in rows)


def rows(*bad: Any, good: Callable[[int], dict[str, Any]] = labelled, count: int = 40) -> Make:
    """Return what writes `count` good rows and then bad ones, as JSON Lines."""
    return content(lines([*map(good, range(count)), *bad]).encode())


def content(data: bytes, name: str = "rows.jsonl") -> Make:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def chats(*bad: Any) -> Make:
    return rows(*bad, good=chat)


def zipped(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "rows.csv", "w") as archive:
        archive.writestr("rows.csv", "text,label\n")
    return folder / "rows.csv"


def picture(side: int = 32, seed: int = 0, form: str = "PNG") -> bytes:
    made = io.BytesIO()
    noise = Image.effect_noise((side, side), 90 + seed)
    noise.convert("RGB").save(made, form)
    return made.getvalue()


def moving_picture() -> bytes:
    made, frame = io.BytesIO(), Image.new("RGB", (32, 32))
    frame.save(made, "GIF", save_all=True, append_images=[frame.rotate(9, fillcolor="red")])
    return made.getvalue()


def huge_picture() -> bytes:
    """Return a PNG that says it has 20,000 x 20,000 pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        whole = name + body
        return struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def pictures(**bad: bytes) -> Make:
    """Return what writes two class folders of pictures, and bad ones by name into the first."""

    def make(folder: Path) -> Path:
        for label in ("cats", "dogs"):
            (folder / label).mkdir()
            for number in range(12):
                (folder / label / f"{number}.png").write_bytes(picture(seed=number))
        for name, data in bad.items():
            (folder / "cats" / f"{name}.png").write_bytes(data)
        return folder

    return make


def captioned(*bad: dict[str, str]) -> Make:
    def make(folder: Path) -> Path:
        pictures()(folder)
        good = [{"file_name": f"cats/{n}.png", "text": f"cat {n}"} for n in range(12)]
        (folder / "metadata.jsonl").write_text(lines([*good, *bad]))
        return folder

    return make


def linked(folder: Path) -> Path:
    (folder / "data").mkdir()
    secret = folder / "secret.jsonl"
    secret.write_text(lines([labelled(1)]))
    rows()(folder / "data")
    (folder / "data" / "more.jsonl").symlink_to(secret)
    return folder / "data"


def archive(name: str, kind: bytes = tarfile.REGTYPE) -> Make:
    def make(folder: Path) -> Path:
        with tarfile.open(folder / "rows.tar", "w") as made:
            for number in range(12):
                for ending, data in (("png", picture(seed=number)), ("txt", b"a cat")):
                    entry = tarfile.TarInfo(f"{number:04}.{ending}")
                    entry.size = len(data)
                    made.addfile(entry, io.BytesIO(data))
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            made.addfile(entry)
        return folder / "rows.tar"

    return make


def with_evaluation(held_out: Sequence[dict[str, Any]], *bad: dict[str, Any]) -> Make:
    """Return what writes rows, and `eval.jsonl` beside their folder with held-out ones."""

    def make(folder: Path) -> Path:
        more = [labelled(number) for number in range(100, 140)]
        (folder / "eval.jsonl").write_text(lines([*more, *held_out]))
        return rows(*bad)(folder)

    return make


def with_tokenizer(settings: Mapping[str, Any], text: str = "") -> Make:
    """Return what writes chats, and a tokenizer of a few words beside them."""

    def make(folder: Path) -> Path:
        known = {word: at for at, word in enumerate(["[UNK]", "</s>", "It", "is", "."])}
        made = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
        made.pre_tokenizer = pre_tokenizers.Whitespace()
        (folder / "tokenizer.json").write_text(text or made.to_str())
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        return chats()(folder)

    return make


HELD_OUT = {"evaluation": "eval.jsonl"}
TOKENS = {"tokenizer": "."}
LONG = "word " * 100_000
NAMED = {"text": "a", "label": "odd", "id": "7"}
USER = {"role": "user", "content": "x"}
SPANS = [{"start": 0, "end": 3, "label": "x"}]
TAGGED: Callable[[int], dict[str, Any]] = lambda n: {"text": sentence(n), "spans": SPANS}  # noqa: E731

BAD = [
    BadData("broken_json", "rows.jsonl:41", rows('{"text": "a", ')),
    BadData("broken_json", "rows.jsonl:41", rows("[1, 2]")),
    BadData(
        "broken_json", "rows.json:3", content(b'[{"text": "a"},\n\n {"text" "b"}]', "rows.json")
    ),
    BadData("broken_csv", "r.csv:3", content(b"text,label\na,x\nb,y,z\n", "r.csv")),
    BadData("broken_csv", "r.csv:3", content(b'text,label\na,x\n"b,y\nc,z\n', "r.csv")),
    BadData("repeated_column", "r.csv:1", content(b"text,text\na,b\n", "r.csv")),
    BadData("no_header", "r.csv:1", content(b"150,4,setosa\n5.1,3.5,0\n", "r.csv")),
    BadData("not_data", "rows.csv", zipped),
    BadData("not_data", "a.csv", content(b"%PDF-1.7\n", "a.csv")),
    BadData("not_data", "a.jsonl", content(bytes(range(256)) * 9, "a.jsonl")),
    BadData("empty_file", "rows.jsonl", content(b"")),
    BadData("empty_file", "r.csv", content(b"text,label\n", "r.csv")),
    BadData("empty_file", "", lambda folder: folder),
    BadData(
        "byte_order_mark", "rows.jsonl", content(b"\xef\xbb\xbf" + lines([labelled(1)]).encode())
    ),
    BadData("windows_lines", "r.csv", content(b"text,label\r\na,x\r\n", "r.csv")),
    BadData(
        "other_encoding",
        "r.csv",
        content("text,label\nGrüße aus Köln,ä\n".encode("cp1252") * 9, "r.csv"),
    ),
    BadData("missing_column", "rows.jsonl:1", rows(good=lambda n: {"body": f"{n}"}), "text"),
    BadData("missing_field", "rows.jsonl:41", rows({"text": "a"}), detail="label: not among text"),
    BadData("missing_field", "rows.jsonl:41", chats({"prompt": "a", "completion": None})),
    BadData("several_kinds", "rows.jsonl:41", rows(chat(1))),
    BadData("empty_text", "rows.jsonl:41", chats({"prompt": "a", "completion": " "})),
    BadData("unknown_role", "rows.jsonl:41", chats(turns("user", "robot"))),
    BadData(
        "unread_content",
        "rows.jsonl:41",
        chats({"messages": [{"role": "user", "content": [{"image": "x"}]}]}),
    ),
    BadData(
        "unread_content",
        "rows.jsonl:41",
        chats({"messages": [USER, {"role": "assistant", "tool_calls": [1]}]}),
    ),
    BadData("role_order", "rows.jsonl:41", chats(turns("user", "user", "assistant"))),
    BadData("role_order", "rows.jsonl:41", chats(turns("assistant", "user", "assistant"))),
    BadData("last_not_assistant", "rows.jsonl:41", chats(turns("user", "assistant", "user"))),
    BadData(
        "chosen_is_rejected",
        "rows.jsonl:1",
        content(lines([{"prompt": "a", "chosen": "b", "rejected": "b"}]).encode()),
    ),
    BadData("long_row", "rows.jsonl:41", chats({"prompt": LONG, "completion": "b"})),
    BadData("long_row", "rows.jsonl:41", chats({"prompt": LONG, "completion": "b"}), None, TOKENS),
    BadData("long_row", "metadata.jsonl:13", captioned({"file_name": "cats/0.png", "text": LONG})),
    BadData("not_a_number", "rows.jsonl:41", rows('{"text": "a", "label": NaN}')),
    BadData("empty_label", "rows.jsonl:41", rows({"text": "a", "label": None})),
    BadData("empty_label", "r.csv:3", content(b"text,label\na,x\nb,\n", "r.csv")),
    BadData("empty_label", "r.csv:3", content(b"text,label\na,x\nb,nan\n", "r.csv")),
    BadData("wrong_field", "rows.jsonl:41", rows({"text": ["a"], "label": "odd"})),
    BadData("mixed_labels", "rows.jsonl:41", rows({"text": "a", "label": "Odd"})),
    BadData("mixed_labels", "", rows({"text": "a", "label": 1})),
    BadData("one_class", "", rows(good=lambda n: {"text": sentence(n), "label": "a"})),
    BadData("untrained_class", "", rows({"text": "a", "label": "lonely"})),
    BadData("rare_class", "", rows(*({"text": f"{n}", "label": "x", "group": "g"} for n in "abc"))),
    BadData("unbalanced_classes", "", rows({"text": "a", "label": "x"}, count=50)),
    BadData("many_classes", "", rows(good=lambda n: {"text": sentence(n), "label": str(n)})),
    BadData("span_range", "rows.jsonl:41", rows({"text": "ab", "spans": SPANS}, good=TAGGED)),
    BadData(
        "span_overlap", "rows.jsonl:41", rows({"text": "abcd", "spans": SPANS * 2}, good=TAGGED)
    ),
    BadData("span_edge", "rows.jsonl:41", rows({"text": "ab c", "spans": SPANS}, good=TAGGED)),
    BadData("mangled_text", "rows.jsonl:41", rows({"text": "Gr\ufffd\ufffde", "label": "odd"})),
    BadData("duplicate_id", "rows.jsonl:42", rows(NAMED, {**NAMED, "text": "b"})),
    BadData("duplicate_row", "rows.jsonl:41", rows(labelled(3))),
    BadData("near_duplicate", "rows.jsonl", rows({**labelled(3), "text": f"{sentence(3)}."})),
    BadData("conflicting_labels", "rows.jsonl:41", rows({**labelled(3), "label": "even"})),
    BadData("leaked_row", "eval.jsonl:41", with_evaluation([labelled(3)]), None, HELD_OUT),
    BadData(
        "leaked_input",
        "eval.jsonl:41",
        with_evaluation([{**labelled(3), "label": "even"}]),
        None,
        HELD_OUT,
    ),
    BadData(
        "near_leak",
        "eval.jsonl:41",
        with_evaluation([{**labelled(3), "text": f"{sentence(3)}!"}]),
        None,
        HELD_OUT,
    ),
    BadData(
        "leaked_group",
        "eval.jsonl:41",
        with_evaluation([{**NAMED, "group": "g"}], {"text": "b", "label": "odd", "group": "g"}),
        None,
        HELD_OUT,
    ),
    BadData("nothing_held_out", "", rows(good=lambda n: {**labelled(n), "group": "one"})),
    BadData("few_rows", "", rows(count=5)),
    BadData(
        "personal_data",
        "rows.jsonl:41",
        rows({"text": "Write to ann@example.org.", "label": "odd"}),
    ),
    BadData("not_an_image", "cats/bad.png", pictures(bad=b"no picture")),
    BadData("truncated_image", "cats/bad.png", pictures(bad=picture(64)[:2000])),
    BadData("truncated_image", "cats/bad.png", pictures(bad=moving_picture()[:-100])),
    BadData("many_frames", "cats/bad.png", pictures(bad=moving_picture())),
    BadData("huge_image", "cats/bad.png", pictures(bad=huge_picture())),
    BadData("tiny_image", "cats/bad.png", pictures(bad=picture(4))),
    BadData(
        "missing_image", "metadata.jsonl:13", captioned({"file_name": "none.png", "text": "x"})
    ),
    BadData("outside_path", "metadata.jsonl:13", captioned({"file_name": "../x.png", "text": "x"})),
    BadData(
        "outside_path", "metadata.jsonl:13", captioned({"file_name": "/etc/x.png", "text": "x"})
    ),
    BadData("outside_path", "rows.tar", archive("../../x.png")),
    BadData("symlink", "rows.tar", archive("0099.png", tarfile.SYMTYPE)),
    BadData("broken_archive", "rows.tar", archive("0099.png", tarfile.FIFOTYPE)),
    BadData("symlink", "more.jsonl", linked),
    BadData("unknown_tokens", "", with_tokenizer({"eos_token": "</s>"}), None, TOKENS),
    BadData("no_end_token", "tokenizer_config.json", with_tokenizer({}), None, TOKENS),
    BadData(
        "no_pad_token", "tokenizer_config.json", with_tokenizer({"eos_token": "</s>"}), None, TOKENS
    ),
    BadData("no_chat_template", "tokenizer_config.json", with_tokenizer({}), None, TOKENS),
    BadData("cut_row", "rows.jsonl:1", with_tokenizer({"model_max_length": 3}), None, TOKENS),
    BadData("no_tokenizer", "tokenizer.json", with_tokenizer({}, "{"), None, TOKENS),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.problem} {bad.place}")
def test_bad_data_is_found_with_its_row(bad: BadData, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    if bad.request == TOKENS and bad.problem == "long_row":
        with_tokenizer({"eos_token": "</s>"})(folder)
    request = DataRequest(
        bad.make(folder),
        bad.kind,
        licence="CC0-1.0",
        **{name: folder / value for name, value in bad.request.items()},
    )
    done = prepare(request, tmp_path / "channel")
    found = {each.name: each for each in done.report.problems}
    assert bad.problem in found, sorted(found)
    problem = found[bad.problem]
    assert any(each.place.startswith(bad.place) for each in problem.places), problem.places
    assert any(bad.detail in each.detail for each in problem.places), problem.places
    assert problem.fix == PROBLEMS[bad.problem].fix
    if problem.severity == "error":
        assert done.manifest is None
        assert not (tmp_path / "channel").exists()


def test_an_archive_is_read_up_to_what_its_files_may_have_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small compressed archive could fill the disk."""
    monkeypatch.setattr(webdataset, "MAX_UNPACKED_BYTES", 600)
    made = archive("0099.png")(tmp_path)
    done = prepare(DataRequest(made, "captioned_images", licence="CC0-1.0"), tmp_path / "channel")
    assert done.manifest is None
    told = {each.name: each for each in done.report.problems}["too_large"]
    assert [each.place for each in told.places] == ["rows.tar"]


def test_every_problem_is_in_the_table() -> None:
    rest = {"encoding", "too_large", "unreadable_file", "other_file", "unread_column"}
    rest |= {"last_not_user", "small_data", "alike_rows", "several_languages", "no_licence"}
    assert set(PROBLEMS) - {bad.problem for bad in BAD} == rest
    assert len({bad.problem for bad in BAD}) > 50


def test_an_accepted_problem_stands_in_the_manifest(tmp_path: Path) -> None:
    path = chats("{broken")(tmp_path)
    request = DataRequest(path, licence="CC0-1.0", accepted={"broken_json"})
    done = prepare(request, tmp_path / "channel")
    assert done.manifest is not None
    assert [(each.name, each.rows) for each in done.manifest.problems if each.rows == 1] == [
        ("broken_json", 1),
        ("small_data", 1),
    ]
    assert sum(done.manifest.counts.values()) == 40


def test_data_without_a_licence_is_not_prepared(tmp_path: Path) -> None:
    done = prepare(DataRequest(rows()(tmp_path)), tmp_path / "channel")
    assert [each.name for each in done.report.errors] == ["no_licence"]
    assert done.manifest is None


def test_the_page_tells_every_problem() -> None:
    page = (Path(__file__).parents[4] / "docs" / "training-data.md").read_text(encoding="utf-8")
    for kind in PROBLEMS.values():
        assert f"| `{kind.name}` | {kind.severity} | {kind.about} | {kind.fix} |" in page

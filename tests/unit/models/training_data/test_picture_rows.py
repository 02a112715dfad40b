"""Pictures with questions, and products: the forms they come in, and what their checks say."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.training.recipe import DataKind
from models.training_data.channel import read_channel
from models.training_data.preparation import DataRequest, check, prepare
from models.training_data.report import DataReport
from models.training_data.rows import ProductRow, QuestionedImage

ROWS: Mapping[DataKind, Mapping[str, str]] = {
    "image_questions": {"question": "which colour ?", "answer": "red"},
    "products": {"title": "a red coat", "label": "coat"},
}


def picture(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (24, 32, 3), np.uint8)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def rows_of(kind: DataKind, count: int = 40) -> list[dict[str, str]]:
    """Return rows of pictures of their own, half of each class."""
    rows = [{"file": f"{number}.png", **ROWS[kind]} for number in range(count)]
    for row in rows[::2]:
        row.update({"label": "hat"} if kind == "products" else {})
    return rows


def put(folder: Path, rows: Iterable[Mapping[str, Any]], name: str = "metadata.jsonl") -> Path:
    """Write a table of rows, and the pictures that they name."""
    folder.mkdir(exist_ok=True)
    lines = []
    for row in rows:
        number = row["file"].split(".")[0]
        (folder / row["file"]).write_bytes(picture(int(number)))
        lines.append(json.dumps(row))
    (folder / name).write_text("\n".join(lines))
    return folder


def archive(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write rows as WebDataset does: a picture, and the other fields as JSON."""
    with tarfile.open(path, "w") as tar:
        for row in rows:
            stem = row["file"].split(".")[0]
            told = json.dumps({name: value for name, value in row.items() if name != "file"})
            for name, content in ((f"{stem}.png", picture(int(stem))), (f"{stem}.json", told)):
                entry = tarfile.TarInfo(name)
                data = content if isinstance(content, bytes) else content.encode()
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    return path


def names(report: DataReport) -> dict[str, list[str]]:
    return {each.name: [one.place for one in each.places] for each in report.problems}


@pytest.mark.parametrize("kind", list(ROWS))
@pytest.mark.parametrize("form", ["folder", "csv", "webdataset"])
def test_rows_should_come_in_every_form(tmp_path: Path, kind: DataKind, form: str) -> None:
    rows = rows_of(kind)
    source = tmp_path / "own"
    if form == "webdataset":
        source = archive(tmp_path / "own.tar", rows)
    elif form == "folder":
        put(source, [{"file_name": row["file"], **row} for row in rows])
    else:
        put(source, rows, "ignored.txt")
        (source / "ignored.txt").unlink()
        head, *_ = [list(row) for row in rows]
        lines = [",".join(row[name] for name in head) for row in rows]
        (source / "rows.csv").write_text("\n".join([",".join(head), *lines]))
    done = prepare(DataRequest(source, kind, licence="own"), tmp_path / "channel")
    assert done.manifest is not None, names(done.report)
    assert sum(done.manifest.counts.values()) == len(rows)
    row = ProductRow if kind == "products" else QuestionedImage
    channel = read_channel(tmp_path / "channel", row)
    assert channel.file(str(channel.train[0].image_file())).is_file()


def test_questions_of_one_picture_should_stay_together_and_wrong_rows_be_named(
    tmp_path: Path,
) -> None:
    rows = rows_of("image_questions")
    rows += [{**row, "question": "which shape ?", "answer": "star"} for row in rows]
    source = put(tmp_path / "own", rows)
    channel = tmp_path / "channel"
    done = prepare(DataRequest(source, "image_questions", licence="own"), channel)
    assert done.manifest is not None
    read = read_channel(channel, QuestionedImage)
    parts = [{row.file for row in part} for part in (read.train, read.validation, read.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 40
    (source / "metadata.jsonl").write_text(
        (source / "metadata.jsonl").read_text()
        + "\n".join(
            [
                "",
                json.dumps(rows[0]),
                json.dumps({**rows[1], "answer": " "}),
                json.dumps({**rows[2], "file": "gone.png"}),
            ]
        )
    )
    found = names(check(DataRequest(source, "image_questions")))
    assert found["duplicate_row"] == ["metadata.jsonl:81"]
    assert found["empty_text"] == ["metadata.jsonl:82"]
    assert found["missing_image"] == ["metadata.jsonl:83"]


def test_a_held_out_picture_that_is_trained_on_should_be_a_leak(tmp_path: Path) -> None:
    rows = rows_of("image_questions")
    trained = put(tmp_path / "train", rows)
    asked = [{**row, "question": "how many ?", "answer": "one"} for row in rows[:3]]
    others = [{**row, "file": f"{number}.png"} for number, row in enumerate(rows, 100)]
    held_out = put(tmp_path / "test", [*asked, *others])
    report = check(DataRequest(trained, "image_questions", evaluation=held_out))
    assert len(names(report)["leaked_input"]) == 3


def test_a_product_should_have_one_class(tmp_path: Path) -> None:
    rows = rows_of("products")
    source = put(tmp_path / "own", [*rows, {**rows[0], "label": "shoe"}])
    found = names(check(DataRequest(source, "products")))
    assert found["conflicting_labels"] in (["metadata.jsonl:41"], ["metadata.jsonl:1"])
    assert found["untrained_class"]

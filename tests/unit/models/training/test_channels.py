from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, Field

from models.data import images, json_lines
from models.data.images import Images, Split, from_network, to_network
from models.failures import BadData


def split(count: int = 4, side: int = 8) -> Split:
    pixels = np.arange(count * side * side, dtype=np.uint8).reshape(count, side, side, 1)
    return Split(pixels, np.arange(count, dtype=np.int64) % 3)


def spoilt(folder: Path, **arrays: Any) -> Path:
    images.write(folder, Images(split(), split(2), ("a", "b", "c")))
    with np.load(folder / images.FILE) as file:
        kept = {name: file[name] for name in file.files}
    np.savez(folder / images.FILE, **{k: v for k, v in (kept | arrays).items() if v is not None})
    return folder


def test_should_read_the_pictures_that_were_written(tmp_path: Path) -> None:
    wanted = Images(split(), split(2), ("a", "b", "c"))
    images.write(tmp_path, wanted)
    found = images.read(tmp_path)
    assert found.names == wanted.names
    assert np.array_equal(found.train.images, wanted.train.images)
    assert np.array_equal(found.test.labels, wanted.test.labels)


def test_should_write_the_same_bytes_for_the_same_pictures(tmp_path: Path) -> None:
    made = [
        images.write(tmp_path / name, Images(split(), split(2), ("a", "b", "c")))
        for name in ("one", "two")
    ]
    assert made[0].read_bytes() == made[1].read_bytes()


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"train_labels": np.array([0, 1, 9, 0])}, "out of 0 to 2; the first is row 2, 9"),
        ({"train_labels": np.array([0, 1])}, "has to be integers, one for each of 4 pictures"),
        ({"train_labels": np.array([0.5, 1, 2, 0])}, "train_labels is float64"),
        ({"test_images": np.zeros((2, 8, 8, 1), np.float32)}, "test_images is float32"),
        ({"test_images": np.zeros((2, 8, 8), np.uint8)}, "has to be uint8 of"),
        ({"names": None}, "lacks names"),
    ],
)
def test_should_name_the_row_that_is_broken(
    tmp_path: Path, arrays: dict[str, Any], told: str
) -> None:
    with pytest.raises(BadData, match=told):
        images.read(spoilt(tmp_path, **arrays))


def test_should_say_that_a_file_is_cut_short_or_missing(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"no images\.npz: .* has nothing"):
        images.read(tmp_path)
    spoilt(tmp_path)
    path = tmp_path / images.FILE
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BadData, match="no whole NPZ file"):
        images.read(tmp_path)


def test_should_hold_pictures_to_the_size_of_the_recipe() -> None:
    found = Images(split(), split(2), ("a", "b", "c"))
    found.require(8, 1)
    with pytest.raises(BadData, match="8 x 8 x 1, and the recipe is set to side 16"):
        found.require(16, 1)


def test_should_come_back_from_what_networks_are_given() -> None:
    pixels = split(3).images
    assert np.array_equal(from_network(to_network(pixels)), pixels)
    assert to_network(pixels).min() >= -1


class Row(BaseModel):
    text: str = Field(min_length=1)
    label: int


def test_should_name_the_lines_and_fields_that_are_broken(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a", "label": 1}\n{"text": "", "label": 2}\n{"text": "c"}\nno\n')
    with pytest.raises(BadData) as caught:
        json_lines.read_rows(path, Row)
    told = str(caught.value)
    assert "3 broken rows of 4" in told
    assert "line 2: text: String should have at least 1 character" in told
    assert "line 3: label: Field required" in told
    assert "line 4: the row: Invalid JSON" in told


def test_should_read_rows_and_pass_over_empty_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a", "label": 1}\n\n{"text": "b", "label": 2}\n')
    assert [row.label for row in json_lines.read_rows(path, Row)] == [1, 2]
    path.write_text("\n")
    with pytest.raises(BadData, match="has no rows"):
        json_lines.read_rows(path, Row)


def test_a_row_should_end_at_a_new_line_and_at_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    texts = ["a\u2028b", "c\x85d", "e\x0bf"]
    written = [Row(text=text, label=1).model_dump_json() for text in texts]
    path.write_bytes("\r\n".join(written).encode())
    assert [row.text for row in json_lines.read_rows(path, Row)] == texts

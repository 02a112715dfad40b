from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from models.serving.pack import main, pack


def made(folder: Path) -> tuple[Path, Path]:
    model, handler = folder / "model", folder / "handler.py"
    (model / "deep").mkdir(parents=True)
    (model / "model.onnx").write_bytes(b"onnx")
    (model / "deep" / "tokens.json").write_text("{}")
    handler.write_text("def model_fn(d): ...")
    return model, handler


def test_a_package_should_hold_the_files_and_the_handler_where_containers_look(
    tmp_path: Path,
) -> None:
    model, handler = made(tmp_path)
    size = pack(model, handler, tmp_path / "model.tar.gz")
    assert size == (tmp_path / "model.tar.gz").stat().st_size
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        assert archive.getnames() == ["code/inference.py", "deep/tokens.json", "model.onnx"]
        taken = archive.extractfile("code/inference.py")
        assert taken is not None
        assert taken.read() == b"def model_fn(d): ..."


def test_the_same_files_should_make_the_same_bytes(tmp_path: Path) -> None:
    model, handler = made(tmp_path)
    pack(model, handler, tmp_path / "1.tar.gz")
    (model / "model.onnx").touch()
    pack(model, handler, tmp_path / "2.tar.gz")
    assert (tmp_path / "1.tar.gz").read_bytes() == (tmp_path / "2.tar.gz").read_bytes()


def test_what_makes_no_package_should_be_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, handler = made(tmp_path)
    (tmp_path / "empty").mkdir()
    (model / "link").symlink_to(handler)

    def run(folder: Path) -> int:
        into = str(tmp_path / "x.tar.gz")
        return main(["--model", str(folder), "--handler", str(handler), "--into", into])

    assert run(tmp_path / "empty") == run(model) == 1
    said = capsys.readouterr().err
    assert "has no files" in said
    assert "link is a link" in said

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.serving.handler import UnsupportedType, UnusablePackage, load, read_json, write_json

PLAIN = """
from pathlib import Path

def model_fn(model_dir):
    return Path(model_dir, "weights").read_text()

def predict_fn(data, model):
    return {"model": model, "data": data}
"""


@pytest.fixture(autouse=True)
def _imports() -> Iterator[None]:
    """Forget what handlers import; a container has but one."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def package(folder: Path, code: str | None, program: str = "inference.py") -> Path:
    (folder / "weights").write_text("w")
    (folder / "code").mkdir()
    if code is not None:
        (folder / "code" / program).write_text(code)
    return folder


def test_a_handler_should_read_and_write_json_unless_it_says_otherwise(tmp_path: Path) -> None:
    handler = load(package(tmp_path, PLAIN))
    written = handler.answer(b'{"a": 1}', "application/json; charset=utf-8", "*/*")
    assert written.body == b'{"model": "w", "data": {"a": 1}}'
    assert written.content_type == "application/json"


def test_a_handlers_own_input_and_output_should_be_used(tmp_path: Path) -> None:
    own = PLAIN + (
        "def input_fn(body, content_type):\n    return [body.decode(), content_type]\n"
        "def output_fn(prediction, accept):\n    return str(prediction['data']), 'text/plain'\n"
    )
    written = load(package(tmp_path, own)).answer(b"x", "text/csv", "text/plain")
    assert (written.body, written.content_type) == (b"['x', 'text/csv']", "text/plain")


def test_a_prediction_that_iterates_should_be_answered_piece_by_piece(tmp_path: Path) -> None:
    own = PLAIN.replace('return {"model": model, "data": data}', 'return iter(["a", b"b"])')
    written = load(package(tmp_path, own)).answer(b"{}", "", "text/event-stream")
    assert not isinstance(written.body, bytes)
    assert (list(written.body), written.content_type) == ([b"a", b"b"], "text/event-stream")


def test_a_handler_should_import_what_lies_beside_it(tmp_path: Path) -> None:
    package(tmp_path, "from beside_it_alone import NAME\n" + PLAIN)
    (tmp_path / "code" / "beside_it_alone.py").write_text("NAME = 1")
    assert load(tmp_path).model == "w"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (None, "no code/inference.py"),
        ("def model_fn(d): return 1", "does not define predict_fn"),
        ("predict_fn = 1\ndef model_fn(d): return 1", "does not define predict_fn"),
        ("def predict_fn(d, m): return 1", "does not define model_fn"),
    ],
)
def test_a_package_without_a_handler_should_be_refused_by_what_it_lacks(
    code: str | None, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UnusablePackage, match=said):
        load(package(tmp_path, code))


def test_what_is_no_json_should_be_refused() -> None:
    with pytest.raises(UnsupportedType, match=r"not text/csv") as refused:
        read_json(b"1", "text/csv")
    assert refused.value.status == 415
    with pytest.raises(ValueError, match="not JSON"):
        read_json(b"{", "application/json")
    with pytest.raises(UnsupportedType, match="not image/png") as refused:
        write_json({}, "image/png")
    assert refused.value.status == 406
    assert write_json(1, "text/html, application/json;q=0.9")[0] == b"1"

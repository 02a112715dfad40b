from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace

RECEIPT = {
    "lines": [
        {
            "model": "smollm2",
            "priced_as": "amazon.nova-micro-v1:0",
            "role": "chat",
            "tokens_in": 38,
            "tokens_out": 9,
            "seconds": 0.5,
            "dollars": "0.0000026",
        }
    ],
    "seconds": 0.5,
    "dollars": "0.0000026",
    "next_dearer": {"path": "Nova Lite", "dollars": "0.0000045"},
}
PICTURES = [base64.b64encode(data).decode() for data in (b"one", b"two")]


def answer(output: dict[str, Any]) -> dict[str, Any]:
    plan = ["1. Nova Micro (tier 1), at once: at most $0.0000065."]
    by = "smollm2-135m-instruct-q4_1"
    return {
        "generation_id": "gen_1",
        "output": output,
        "plan": plan,
        "receipt": RECEIPT,
        "answered_by": by,
    }


def asked(fake: FakeHeadrace) -> dict[str, Any]:
    method, path, body = fake.requests[-1]
    assert (method, path) == ("POST", "/v1/generations")
    assert fake.keys[-1], "a repeated request must not be paid for twice"
    return body


def test_an_answer_should_be_printed_with_what_it_cost(
    fake: FakeHeadrace, headrace: Headrace
) -> None:
    fake.answer = answer({"task": "chat", "text": "A river runs."})
    ended = headrace("generate", "Write of a river.")
    assert ended.code == 0
    assert ended.out.startswith("A river runs.\n")
    assert "$0.0000026 as amazon.nova-micro-v1:0" in ended.out
    assert "next dearer: Nova Lite" in ended.out
    assert "135 million parameters" in ended.err, "a stand-in is named as what it is"
    assert "tier 1" not in ended.out
    assert asked(fake) == {"prompt": "Write of a river.", "fallback": True, "checks": []}
    assert "tier 1" in headrace("generate", "Write of a river.", "--explain").out
    assert headrace("generate", "x", "--json").json["generation_id"] == "gen_1"


def test_what_is_asked_for_should_reach_the_api(
    fake: FakeHeadrace, headrace: Headrace, tmp_path: Path
) -> None:
    fake.answer = answer({"task": "chat", "text": "{}"})
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object"}')
    ended = headrace(
        *("generate", "Write.", "--system", "Be brief.", "--model", "nova-lite", "--quality", "2"),
        *("--max-tokens", "9", "--temperature", "0", "--seed", "4", "--schema", str(schema)),
        *("--check", "contains:river", "--check", "length:..90", "--budget", "0.01"),
        "--no-fallback",
    )
    assert ended.code == 0
    assert asked(fake) == {
        "prompt": "Write.",
        "system": "Be brief.",
        "model": "nova-lite",
        "quality": 2,
        "max_tokens": 9,
        "temperature": 0.0,
        "seed": 4,
        "json_schema": {"type": "object"},
        "checks": ["contains:river", "length:..90"],
        "budget": "0.01",
        "fallback": False,
    }


def test_documents_should_be_sent_with_what_is_asked(
    fake: FakeHeadrace, headrace: Headrace, tmp_path: Path
) -> None:
    fake.answer = answer({"task": "chat", "text": "Voss Hydro."})
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"In {name}: Voss Hydro.", encoding="utf-8")
    files = [word for name in ("a.txt", "b.txt") for word in ("--document", str(tmp_path / name))]
    assert headrace("generate", "Who?", *files, "--check", "supported").code == 0
    assert asked(fake)["documents"] == ["In a.txt: Voss Hydro.", "In b.txt: Voss Hydro."]


def test_pictures_should_be_written_into_files(
    fake: FakeHeadrace, headrace: Headrace, tmp_path: Path
) -> None:
    fake.answer = answer({"task": "image", "media_type": "image/png", "images": PICTURES})
    out = tmp_path / "pictures"
    options = ("--image", "2", "--size", "512x256", "--negative-prompt", "people")
    ended = headrace("generate", "A weir.", *options, "--out", str(out))
    assert ended.code == 0
    assert asked(fake) == {
        "task": "image",
        "prompt": "A weir.",
        "count": 2,
        "width": 512,
        "height": 256,
        "negative_prompt": "people",
        "fallback": True,
        "checks": [],
    }
    assert [file.read_bytes() for file in sorted(out.iterdir())] == [b"one", b"two"]
    assert "gen_1-2.png" in ended.out


def test_a_folder_that_cannot_be_made_should_be_told_before_anything_is_paid_for(
    fake: FakeHeadrace, headrace: Headrace, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    out = tmp_path / "file" / "pictures"
    ended = headrace("generate", "A weir.", "--image", "1", "--out", str(out))
    assert ended.code == 1
    assert "can't be made" in ended.err
    assert fake.requests == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--size", "512x512"), "--size is for pictures; give --image"),
        (("--negative-prompt", "x"), "--negative-prompt is for pictures"),
        (("--image", "1", "--size", "large"), "--size is WIDTHxHEIGHT"),
        (("--schema", "{broken}"), "is not JSON"),
        (("--schema", "{list}"), "has to be an object"),
        (("--document", "{bytes}"), "is no text in UTF-8"),
        (("--document", "{list}", "--image", "1"), "--document goes with text"),
    ],
)
def test_wrong_use_should_be_told_before_anything_is_asked(
    fake: FakeHeadrace, headrace: Headrace, tmp_path: Path, options: tuple[str, ...], why: str
) -> None:
    for name, content in {"broken": "{", "list": json.dumps([1])}.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    files = {name: tmp_path / name for name in ("broken", "list", "bytes")}
    given = [each.format(**files) for each in options]
    ended = headrace("generate", "x", *given)
    assert ended.code == 2
    assert why in ended.err
    assert fake.requests == []

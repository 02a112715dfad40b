"""The prompts of the guide can be saved and rendered as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib.contracts.generations import ImageCall
from chalicelib.contracts.prompts import SavePromptRequest, Variable
from chalicelib.prompts.filters import FILTERS
from chalicelib.prompts.rendering import CompiledPrompt
from chalicelib.prompts.sandbox import RenderBudget, Sandbox
from chalicelib.prompts.validation import check_prompt
from cli.prompts.files import read_prompt
from tests.architecture.ingest_definition import ROOT
from tests.unit.prompts.examples import FENCE

GUIDE = (ROOT / "docs" / "prompts.md").read_text(encoding="utf-8")
PROMPTS = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
GIVEN: dict[str, Any] = {
    "document": "The weir was closed.",
    "string": "farmers",
    "integer": 2,
    "strings": ["weirs"],
}


def value(variable: Variable) -> Any:
    return variable.values[0] if variable.type == "enum" else GIVEN[variable.type]


@pytest.mark.parametrize("text", PROMPTS, ids=lambda text: text.splitlines()[0])
def test_should_be_saved_and_rendered(text: str, tmp_path: Path) -> None:
    file = tmp_path / "prompt.yaml"
    file.write_text(text, encoding="utf-8")
    content = SavePromptRequest.model_validate(read_prompt(file)).content()
    check_prompt(content)
    prompt = CompiledPrompt(content)
    values = prompt.values(
        {
            name: value(each)
            for name, each in content.variables.items()
            if each.required and getattr(each, "default", None) is None
        }
    )
    outputs = dict.fromkeys(prompt.outputs, "Said.")
    calls = [prompt.call(n, values, outputs, FENCE) for n in range(len(prompt.turns))]
    assert isinstance(calls[-1], ImageCall) is (content.image is not None)
    if prompt.verifier is not None:
        assert "Said." in prompt.verification(values, outputs, FENCE).model_dump_json()


def test_should_show_each_thing_that_a_prompt_can_have() -> None:
    assert len(PROMPTS) == 7
    for part in (
        "role",
        "examples",
        "reasoning",
        "plan",
        "verifier",
        "negative_prompt",
        "output_schema",
    ):
        assert any(f"{part}:" in text or f"name: {part}" in text for text in PROMPTS), part


def test_should_name_every_filter_and_test() -> None:
    rows = {row.split("|")[1].strip(): row for row in GUIDE.splitlines() if row.startswith("| ")}
    assert set(re.findall(r"`(\w+)`", rows["filters"])) == {*FILTERS, "default"} - {"count"}
    assert set(re.findall(r"`(\w+)`", rows["tests"])) == set(Sandbox(RenderBudget()).tests)

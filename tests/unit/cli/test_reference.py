from __future__ import annotations

from cli.reference import FILE, reference


def test_should_keep_the_docs_equal_to_the_commands_own_help() -> None:
    assert FILE.read_text(encoding="utf-8") == reference(), "run python -m cli.reference"

from __future__ import annotations

from cli.reference import FILE, reference


def test_should_match_the_commands_help() -> None:
    assert FILE.read_text(encoding="utf-8") == reference(), "run python -m cli.reference"

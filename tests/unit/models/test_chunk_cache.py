"""Readings are cached by a hash of the code that read them."""

from __future__ import annotations

from pathlib import Path

from models.field_ranker.chunk_cache import ChunkCache


def test_a_chunk_should_be_made_once_and_anew_by_other_code(tmp_path: Path) -> None:
    made: list[str] = []

    def make() -> list[str]:
        made.append("chunk")
        return ["a", "b"]

    cache = ChunkCache(tmp_path / "kept", "code")
    assert cache.kept("train 0", make) == cache.kept("train 0", make) == ["a", "b"]
    assert len(made) == 1
    cache.kept("train 1", make)
    ChunkCache(tmp_path / "kept", "other code").kept("train 0", make)
    assert len(made) == 3
    assert len(list((tmp_path / "kept").iterdir())) == 3


def test_the_code_as_it_is_should_have_one_hash(tmp_path: Path) -> None:
    assert ChunkCache.of_code(tmp_path) == ChunkCache.of_code(tmp_path)

"""What llama.cpp's reading of a GGUF has to be, beside the network's."""

from __future__ import annotations

import math

import pytest

from models.gguf_check import TOLERANCES, GgufFindings


@pytest.mark.parametrize(
    ("other", "perplexity", "says"),
    [
        ((), 10.09, None),
        ((), 10.2, "its perplexity is 10.2, and the network's 10"),
        ((), math.nan, "its perplexity is nan"),
        (("½",), math.nan, "llama.cpp splits '½' into other tokens"),
    ],
)
def test_other_tokens_and_another_perplexity_are_problems(
    other: tuple[str, ...], perplexity: float, says: str | None
) -> None:
    problem = GgufFindings(other, perplexity, 10.0, TOLERANCES["f16"]).problem
    assert (problem is None) if says is None else (says in str(problem))

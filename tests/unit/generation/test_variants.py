"""A variant in the place of a model's name: it reaches the backend, or is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.contracts.generations import Terms
from chalicelib.errors import NotFound
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import EndpointBackend, ServedModels
from chalicelib.generation.variants import split_variant


def served() -> ServedModels:
    """Return the catalogue, in which `writer` and `sleeper` are behind endpoints."""
    known = served_models()
    some = next(iter(known.models.values()))
    ends = {
        name: replace(some, name=name, backend=EndpointBackend("mine", "openai-chat", later))
        for name, later in (("writer", False), ("sleeper", True))
    }
    return replace(known, models={**known.models, **ends})


@pytest.mark.parametrize(
    ("model", "name", "variant"),
    [
        ("auto", "auto", ""),
        ("digits-vae", "digits-vae", ""),
        ("digits-vae@candidate", "digits-vae", "candidate"),
        ("digits-vae@live", "digits-vae", "live"),
        ("writer@challenger", "writer", "challenger"),
    ],
)
def test_a_name_should_be_split_into_model_and_variant(model: str, name: str, variant: str) -> None:
    terms, found = split_variant(Terms(model=model, quality=2), served())
    assert (terms, found) == (Terms(model=name, quality=2), variant)


@pytest.mark.parametrize(
    "model",
    ["digits-vae@other", "digits-vae@", "auto@candidate", "nova-micro@candidate", "sleeper@one"],
)
def test_a_variant_that_a_model_has_not_should_be_refused(model: str) -> None:
    with pytest.raises(NotFound, match="There is no model") as raised:
        split_variant(Terms(model=model), served())
    assert raised.value.field == "model"

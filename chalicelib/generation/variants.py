"""Variants of a model: `NAME@VARIANT` in the place of a model's name. Pure.

Of a model that the stage trained, the variants are `live` and `candidate`. Of one behind an
endpoint of SageMaker they are the endpoint's production variants. Without a variant, the stage or
the endpoint's weights decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from chalicelib.contracts.serving import Variant
from chalicelib.errors import NotFound
from chalicelib.generation.models import EndpointBackend, FunctionBackend

if TYPE_CHECKING:
    from chalicelib.contracts.generations import Terms
    from chalicelib.generation.models import ServedModels

SEPARATOR = "@"


def split_variant(terms: Terms, served: ServedModels) -> tuple[Terms, str]:
    """Return the terms with the model's name alone, and the variant that they name, or "".

    Raises:
        NotFound: the model has no such variant.
    """
    name, separator, variant = terms.model.partition(SEPARATOR)
    if not separator:
        return terms, ""
    model = served.models.get(name)
    backend = model.backend if model is not None else None
    known = get_args(Variant)
    if isinstance(backend, FunctionBackend) and backend.recipes and variant in known:
        return terms.model_copy(update={"model": name}), variant
    if isinstance(backend, EndpointBackend) and not backend.asynchronous and variant:
        return terms.model_copy(update={"model": name}), variant
    raise NotFound(
        f"There is no model {terms.model}. A trained model has the variants {', '.join(known)}, "
        "one behind an endpoint that answers at once has the endpoint's; others have none.",
        field="model",
    )

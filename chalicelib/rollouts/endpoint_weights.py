"""Traffic of an endpoint's production variants, moved by their weights as a rollout goes on.

Calls through Headrace name the variant of their arm, so that an end user stays in it. Who asks the
endpoint itself goes by the variants' weights, which follow the stages here. Every look compares
what the endpoint has with what the rollout wants: a look that is repeated or cut off does no harm.
What a stage sets out to set is recorded with its beginning, so that weights which are neither the
stage's nor those before it were moved by hand, which overrules the rollout.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpointWeightsAndCapacities.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isclose
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.rollout_weights import MAX_WEIGHT_ATTEMPTS, EndpointWeights
from chalicelib.contracts.rollouts import OPEN_ROLLOUT
from chalicelib.errors import HeadraceError, NotFound
from chalicelib.generation.models import EndpointBackend
from chalicelib.generation.variants import SEPARATOR

if TYPE_CHECKING:
    from chalicelib.contracts.rollouts import RolloutView
    from chalicelib.generation.models import ServedModels

MAX_PAUSE_SECONDS = 300
_FIRST_PAUSE_SECONDS = 5
_MAX_ATTEMPTS_TO_BEGIN = 4
"""An earlier rollout of the endpoint may still be taking its candidate's weight away."""
_IN_SERVICE = "InService"
_OUT_OF_SERVICE = frozenset({"Deleting", "Failed", "OutOfService", "UpdateRollbackFailed"})
_DIGITS = 6
_TOLERANCE = 1e-4
"""SageMaker keeps weights as single-precision numbers."""


@dataclass(frozen=True, slots=True)
class EndpointTraffic:
    """The status of an endpoint, and the weights that its production variants shall have."""

    status: str
    weights: Mapping[str, float]


class EndpointVariants(Protocol):
    """The production variants of the stage's endpoints."""

    def traffic(self, endpoint: str) -> EndpointTraffic:
        """Return the status and weights of an endpoint; raise `NotFound` if there is none."""

    def set_weights(self, endpoint: str, weights: Mapping[str, float]) -> None:
        """Set the weights of variants by name; the endpoint is updated for a while afterwards.

        Raises:
            NotFound: the endpoint or a variant does not exist.
            Conflict: the endpoint is being updated.
            Throttled, Transient: SageMaker did not do it.
        """


FindVariants = Callable[[str, str, str], EndpointWeights | None]
"""Returns, by tenant, live version and candidate, the variants between which weights are moved."""


@dataclass(frozen=True, slots=True)
class WeightLook:
    """The weights of an endpoint's variants at one look.

    `broken` says why the rollout cannot go on, "" if it can.
    """

    weights: EndpointWeights
    broken: str = ""


def pause_seconds(weights: EndpointWeights) -> int:
    """Return after how many seconds an endpoint with pending weights is looked at again."""
    doublings = max(0, min(weights.attempts - 1, 10))
    return int(min(MAX_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**doublings))


def divided_variants(
    served: ServedModels, tenant: str, live: str, to: str
) -> EndpointWeights | None:
    """Return the variants whose weights a rollout moves, None if it moves none.

    Args:
        served: The models of the stage.
        tenant: Whose rollout it is.
        live: The live version by its name in the catalogue, `NAME` or `NAME@VARIANT`.
        to: The candidate, the same way.

    Weights are moved between variants of one endpoint, for the tenant that the catalogue names:
    they hold for all who call it.
    """
    name, _, variant = live.partition(SEPARATOR)
    other, _, candidate = to.partition(SEPARATOR)
    model = served.models.get(name)
    if model is None or name != other or not candidate:
        return None
    backend = model.backend
    if not isinstance(backend, EndpointBackend) or backend.weights_tenant != tenant:
        return None
    return EndpointWeights(endpoint=backend.endpoint, live=variant, candidate=candidate)


def wanted_share(rollout: RolloutView) -> float:
    """Return the percentage of the weight that the candidate shall have now."""
    if rollout.status == "promoted":
        return 100.0
    if rollout.status not in OPEN_ROLLOUT or rollout.status == "preparing":
        return 0.0
    return rollout.stages[rollout.stage].share


def is_settled(rollout: RolloutView) -> bool:
    """Tell whether nothing is left to do on the weights of a rollout that has ended."""
    weights = rollout.weights
    return weights is None or not weights.total or not weights.is_pending


@dataclass(frozen=True, slots=True)
class WeightShift:
    """Moves the weights of variants, one step a look."""

    variants: EndpointVariants

    def look(self, weights: EndpointWeights, share: float, *, is_open: bool) -> WeightLook:
        """Compare an endpoint with the `share` that its candidate shall have, and set it.

        Of a rollout that has ended, what cannot be moved is left as it is, with the reason.
        """
        found = self._look(weights, share)
        if is_open and found.weights.attempts >= MAX_WEIGHT_ATTEMPTS and not found.broken:
            broken = f"The weights could not be moved to {share:g} %: {found.weights.reason}"
            return WeightLook(found.weights, broken)
        if found.broken and not is_open:
            given_up = {"attempts": MAX_WEIGHT_ATTEMPTS, "reason": found.broken}
            return WeightLook(weights.model_copy(update=given_up))
        return found

    def _look(self, weights: EndpointWeights, share: float) -> WeightLook:
        name = weights.endpoint
        try:
            seen = self.variants.traffic(name)
        except NotFound:
            return _broken(weights, f"There is no endpoint {name} any more.")
        except HeadraceError as error:
            return _pending(weights, error.message)
        if seen.status in _OUT_OF_SERVICE:
            return _broken(weights, f"The endpoint {name} is {seen.status}.")
        if seen.status != _IN_SERVICE:
            return _pending(weights, f"The endpoint {name} is {seen.status}.")
        for variant in filter(None, (weights.candidate, weights.live)):
            if variant not in seen.weights:
                return _broken(weights, f"The endpoint {name} has no variant {variant}.")
        if not weights.total:
            return _first_look(weights, seen.weights)
        return self._move(weights, share, seen.weights)

    def _move(
        self, weights: EndpointWeights, share: float, seen: Mapping[str, float]
    ) -> WeightLook:
        wanted = _divided(weights, share)
        if _agree(seen, wanted):
            return WeightLook(
                weights.model_copy(update={"share": share, "attempts": 0, "reason": ""})
            )
        ours = (_divided(weights, each) for each in (weights.share, weights.target))
        if not any(_agree(seen, each) for each in ours):
            have = ", ".join(f"{name} {seen[name]:g}" for name in wanted)
            return _broken(
                weights, f"The weights of {weights.endpoint} were moved by hand: {have}."
            )
        try:
            self.variants.set_weights(weights.endpoint, wanted)
        except HeadraceError as error:
            return _pending(weights, error.message)
        return _pending(weights, f"{weights.candidate} gets {share:g} % of the weight.")


def _first_look(weights: EndpointWeights, seen: Mapping[str, float]) -> WeightLook:
    """Note how much weight there is to divide."""
    name, candidate = weights.endpoint, weights.candidate
    if seen[candidate]:
        text = (
            f"The variant {candidate} of {name} has the weight {seen[candidate]:g} already; set "
            "it to 0 before its rollout."
        )
        pending = _pending(weights, text)
        return (
            pending if pending.weights.attempts < _MAX_ATTEMPTS_TO_BEGIN else _broken(weights, text)
        )
    serving = [each for each, weight in seen.items() if weight]
    live = weights.live or (serving[0] if len(serving) == 1 else "")
    if not live:
        return _broken(
            weights,
            f"{name} serves by {', '.join(serving)}; give all weight to one variant first.",
        )
    if live == candidate or not seen[live]:
        return _broken(weights, f"The variant {live} of {name} has no weight to share.")
    begun = {"live": live, "total": seen[live], "share": 0.0, "attempts": 0, "reason": ""}
    return WeightLook(weights.model_copy(update=begun))


def _divided(weights: EndpointWeights, share: float) -> dict[str, float]:
    candidate = round(weights.total * share / 100, _DIGITS)
    return {
        weights.live: round(weights.total - candidate, _DIGITS),
        weights.candidate: candidate,
    }


def _agree(seen: Mapping[str, float], wanted: Mapping[str, float]) -> bool:
    most = sum(wanted.values())
    return all(
        isclose(seen[name], weight, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE * most / 100)
        for name, weight in wanted.items()
    )


def _pending(weights: EndpointWeights, reason: str) -> WeightLook:
    attempts = weights.attempts + 1
    return WeightLook(weights.model_copy(update={"attempts": attempts, "reason": reason}))


def _broken(weights: EndpointWeights, reason: str) -> WeightLook:
    return WeightLook(weights.model_copy(update={"reason": reason}), reason)

"""The composition root of rollouts' subjects: prompts, models and retrievals of a stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from chalicelib.settings import RecordsSettings

if TYPE_CHECKING:
    from chalicelib.contracts.rollout_weights import EndpointWeights
    from chalicelib.contracts.rollouts import SubjectKind
    from chalicelib.rollouts.endpoint_weights import FindVariants
    from chalicelib.rollouts.subjects import SubjectVersions


def rollout_subjects(environ: Mapping[str, str]) -> Mapping[SubjectKind, SubjectVersions]:
    """Return the versions of each kind of subject of the stage that `environ` describes."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.rollouts import RolloutTable
    from chalicelib.contracts.retrieval_settings import RetrievalSetting
    from chalicelib.rollouts.subjects import ModelChoices, PromptLabels, RetrievalChoices
    from chalicelib.wiring.prompt_labels import prompt_labels

    table = DynamoTable(aws.dynamodb(), RecordsSettings.from_environ(environ).records_table)
    records = RolloutTable(table)
    return {
        "prompt": PromptLabels(prompt_labels(environ)),
        "model": ModelChoices(records, _resolver(environ)),
        "retrieval": RetrievalChoices(records, RetrievalSetting.parse),
    }


def find_variants(environ: Mapping[str, str]) -> FindVariants:
    """Return what finds the variants of an endpoint whose weights a rollout moves."""
    from chalicelib.rollouts.endpoint_weights import divided_variants
    from chalicelib.wiring.models import stage_models

    models, resolve = stage_models(environ), _resolver(environ)

    def find(tenant: str, live: str, to: str) -> EndpointWeights | None:
        return divided_variants(models().models, tenant, resolve(tenant, live), resolve(tenant, to))

    return find


def _resolver(environ: Mapping[str, str]) -> Callable[[str, str], str]:
    """Return what tells the name in the catalogue of a model by any of its names, with its variant,
    "" if a tenant has no such model.
    """
    from chalicelib.contracts.generations import Terms
    from chalicelib.errors import NotFound
    from chalicelib.generation.variants import SEPARATOR, split_variant
    from chalicelib.wiring.models import models_of, stage_models

    models, allowed = stage_models(environ), models_of(environ)

    def resolve(tenant: str, model: str) -> str:
        served = models().models
        try:
            terms, variant = split_variant(Terms(model=model), served)
            name = served.model(terms.model).name
        except NotFound:
            return ""
        usable = allowed(tenant)
        if usable is not None and name not in usable:
            return ""
        return f"{name}{SEPARATOR}{variant}" if variant else name

    return resolve

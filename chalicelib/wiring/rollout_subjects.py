"""The composition root of rollouts' subjects: prompts, models and retrievals of a stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.settings import RecordsSettings

if TYPE_CHECKING:
    from chalicelib.contracts.rollouts import SubjectKind
    from chalicelib.rollouts.subjects import SubjectVersions


def rollout_subjects(environ: Mapping[str, str]) -> Mapping[SubjectKind, SubjectVersions]:
    """Return the versions of each kind of subject of the stage that `environ` describes."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.rollouts import RolloutTable
    from chalicelib.contracts.generations import Terms
    from chalicelib.contracts.retrieval_settings import RetrievalSetting
    from chalicelib.errors import NotFound
    from chalicelib.generation.variants import split_variant
    from chalicelib.rollouts.subjects import ModelChoices, PromptLabels, RetrievalChoices
    from chalicelib.wiring.models import models_of, stage_models
    from chalicelib.wiring.prompt_labels import prompt_labels

    table = DynamoTable(aws.dynamodb(), RecordsSettings.from_environ(environ).records_table)
    records = RolloutTable(table)
    models, allowed = stage_models(environ), models_of(environ)

    def is_known(tenant: str, model: str) -> bool:
        served = models().models
        try:
            terms, _ = split_variant(Terms(model=model), served)
            known = served.model(terms.model)
        except NotFound:
            return False
        usable = allowed(tenant)
        return usable is None or known.name in usable

    return {
        "prompt": PromptLabels(prompt_labels(environ)),
        "model": ModelChoices(records, is_known),
        "retrieval": RetrievalChoices(records, RetrievalSetting.parse),
    }

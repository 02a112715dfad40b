"""Questions on documents, divided between the retrieval settings of rollouts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.contracts.captures import DEFAULT_VERSION, EVERYTHING, subject_key
from chalicelib.contracts.retrieval_settings import RetrievalSetting
from chalicelib.errors import InvalidInput
from chalicelib.rollouts.arms import ArmAssignment, LiveTraffic, assign_version

if TYPE_CHECKING:
    from chalicelib.retrieval.search.query import Query


def assign_setting(
    query: Query, given: Collection[str], traffic: LiveTraffic
) -> tuple[Query, ArmAssignment]:
    """Return a query with the retrieval setting of its collection, and the arm that it is of.

    Args:
        query: The query as it was asked.
        given: The fields that the request gives, which no setting changes.
        traffic: What is live of the tenant.
    """
    key = subject_key("retrieval", query.collection or EVERYTHING)
    arm = assign_version(traffic, query.tenant, key, query.spender.caller, DEFAULT_VERSION)
    try:
        setting = RetrievalSetting.parse(arm.version)
    except InvalidInput:  # stored by a later release: the stage's own setting answers
        return query, ArmAssignment(DEFAULT_VERSION)
    asked = apply_setting(query, given, setting)
    if arm.captured.wanted:  # in a shadow stage ratings compare nothing
        asked = replace(asked, rollout_id=arm.rollout_id, arm=arm.arm)
    return asked, arm


def apply_setting(query: Query, given: Collection[str], setting: RetrievalSetting) -> Query:
    """Return a query in which the setting says what the request leaves open."""
    top_k = query.top_k if setting.top_k is None or "top_k" in given else setting.top_k
    rerank = query.rerank if query.rerank is not None else setting.rerank
    return replace(query, top_k=top_k, rerank=rerank)

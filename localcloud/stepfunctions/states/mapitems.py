"""The items of a Map state, whichever its mode."""

from __future__ import annotations

from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.language import items, payload
from localcloud.stepfunctions.language.states import Map
from localcloud.stepfunctions.language.values import ABSENT, Json, JsonObject
from localcloud.stepfunctions.states import dataflow


def map_of(visit: Visit) -> Map:
    """Return the Map that the strand is at."""
    state = visit.state
    assert isinstance(state, Map)
    return state


def from_state_input(visit: Visit, state: Map) -> tuple[list[Json], bool]:
    """Return the items that ItemsPath or Items gives, and whether they are an object's members."""
    if state.uses_jsonata:
        found = visit.strand.input
        if state.items is not ABSENT:
            found = visit.evaluate(state.items, "Items")
    else:
        environment = visit.environment()
        found = payload.select(state.items_path, visit.effective_input(), environment, "ItemsPath")
    return items.from_input(found), isinstance(found, dict)


def concurrency(visit: Visit, state: Map) -> int:
    """Return MaxConcurrency; 0 means no limit of the state's own."""
    limit = dataflow.whole(
        visit, state.max_concurrency, state.max_concurrency_path, "MaxConcurrency"
    )
    return limit or 0


def item_context(
    index: int, item: Json, *, is_member: bool = False, source: str | None = None
) -> JsonObject:
    """Return `Map.Item` of the context object for one item."""
    context = items.context_for({}, index, item, is_member=is_member, source=source)["Map"]
    assert isinstance(context, dict)
    found = context["Item"]
    assert isinstance(found, dict)
    return found


def selected(visit: Visit, state: Map, item: Json, item_context: JsonObject) -> Json:
    """Return what an iteration is given for `item`: the item, or what ItemSelector makes of it."""
    if state.item_selector is ABSENT:
        return item
    context = visit.context() | {"Map": {"Item": item_context}}
    if state.uses_jsonata:
        return visit.evaluate(state.item_selector, "ItemSelector", context=context)
    return payload.fill(state.item_selector, visit.effective_input(), visit.environment(context))

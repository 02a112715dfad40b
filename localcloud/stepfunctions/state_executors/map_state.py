"""The executor of Map, which delegates to that of its mode, and what both modes share."""

from __future__ import annotations

from localcloud.stepfunctions.engine import number_fields
from localcloud.stepfunctions.engine.action_tasks import ActionTask, Signal
from localcloud.stepfunctions.engine.records import Branch
from localcloud.stepfunctions.engine.state_executor import StateExecutor
from localcloud.stepfunctions.engine.state_visit import StateVisit
from localcloud.stepfunctions.language import errors, map_items
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.jsonata import templates
from localcloud.stepfunctions.language.jsonpath import payload_templates
from localcloud.stepfunctions.language.state_machine import MapState
from localcloud.stepfunctions.language.values import ABSENT, Json, JsonObject, dumps


def map_state_of(visit: StateVisit) -> MapState:
    """Return the Map that the branch is at."""
    state = visit.state
    assert isinstance(state, MapState)
    return state


def items_from_input(visit: StateVisit, state: MapState) -> tuple[list[Json], bool]:
    """Return the items of ItemsPath or Items, and whether they are an object's members.

    Inline mode accepts arrays only, distributed mode objects too. Raises `StatesError`:
    `States.QueryEvaluationError` for another value in JSONata, else `States.Runtime`.
    https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
    """
    if state.uses_jsonata:
        return _items_of_jsonata(visit, state)
    found = payload_templates.select(
        state.items_path, visit.effective_input(), visit.environment(), "ItemsPath"
    )
    if not isinstance(found, list) and not (state.is_distributed and isinstance(found, dict)):
        path = state.items_path.replace("$$", "$", 1)
        raise StatesError(errors.RUNTIME, f'Reference path "{path}" must point to array.')
    visit.inspect("afterItemsPath", found)
    return map_items.items_of_input(found), isinstance(found, dict)


def _items_of_jsonata(visit: StateVisit, state: MapState) -> tuple[list[Json], bool]:
    """Return the items of Items, or those of the input if the state has none."""
    found = visit.branch.input
    if state.items is not ABSENT:
        found = visit.evaluate(state.items, "Items")
    if not isinstance(found, list) and not (state.is_distributed and isinstance(found, dict)):
        raise _wrong_items(state, found)
    return map_items.items_of_input(found), isinstance(found, dict)


def _wrong_items(state: MapState, found: Json) -> StatesError:
    if isinstance(state.items, str) and templates.is_expression(state.items):
        source = templates.source_of(state.items)
        return templates.unexpected_type(source, "Items", "array", found)
    cause = f"Map state input must be an array but was: {dumps(found)}"
    where = None if state.items is ABSENT else "Items"
    return StatesError(errors.QUERY_EVALUATION_ERROR, cause, where)


def max_concurrency(visit: StateVisit, state: MapState) -> int:
    """Return MaxConcurrency; 0 means that the state sets no limit."""
    limit = number_fields.evaluate_integer(
        visit, state.max_concurrency, state.max_concurrency_path, "MaxConcurrency"
    )
    if limit is not None and limit < 0:
        raise number_fields.out_of_range(
            state.max_concurrency_path,
            "MaxConcurrency",
            f"Expected non-negative integer for MaxConcurrency, got '{limit}' instead.",
        )
    return limit or 0


def item_context(
    index: int, item: Json, *, is_member: bool = False, source: str | None = None
) -> JsonObject:
    """Return `Map.Item` of the context object for one item."""
    context = map_items.item_context_object({}, index, item, is_member=is_member, source=source)[
        "Map"
    ]
    assert isinstance(context, dict)
    found = context["Item"]
    assert isinstance(found, dict)
    return found


def select_item(visit: StateVisit, state: MapState, item: Json, item_context: JsonObject) -> Json:
    """Return the input of an iteration: the item, or the result of ItemSelector."""
    if state.item_selector is ABSENT:
        return item
    context = visit.context() | {"Map": {"Item": item_context}}
    if state.uses_jsonata:
        return visit.evaluate(state.item_selector, "ItemSelector", context=context)
    return payload_templates.fill(
        state.item_selector, visit.effective_input(), visit.environment(context)
    )


class MapExecutor:
    """Delegates to the executor of the mode."""

    def __init__(self, inline: StateExecutor, distributed: StateExecutor) -> None:
        self._inline = inline
        self._distributed = distributed

    def _mode(self, visit: StateVisit) -> StateExecutor:
        return self._distributed if map_state_of(visit).is_distributed else self._inline

    def enter(self, visit: StateVisit) -> None:
        """Enter the state."""
        self._mode(visit).enter(visit)

    def reenter(self, visit: StateVisit) -> None:
        """Enter the state again."""
        self._mode(visit).reenter(visit)

    def receive(self, visit: StateVisit, signal: Signal) -> None:
        """Continue after a signal."""
        self._mode(visit).receive(visit, signal)

    def action_tasks(self, visit: StateVisit) -> list[ActionTask]:
        """Return the action tasks of the mode."""
        return self._mode(visit).action_tasks(visit)

    def on_child_succeeded(self, visit: StateVisit, child: Branch) -> None:
        """Take an iteration's output."""
        self._mode(visit).on_child_succeeded(visit, child)

    def on_child_failed(self, visit: StateVisit, child: Branch, error: StatesError) -> None:
        """End the other iterations."""
        self._mode(visit).on_child_failed(visit, child, error)

    def record_failure(self, visit: StateVisit) -> None:
        """Record the failure."""
        self._mode(visit).record_failure(visit)

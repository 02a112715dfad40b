"""Costs of a thousand batch items besides their models, by counted transitions and calls."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from chalicelib.batches.receipts import CHILD_GB
from chalicelib.contracts.receipts import dollars
from chalicelib.generation.catalogue import catalogue

STANDARD_STATES_AN_ITEM = 2
"""Of a Map whose children are Standard, one an item: its start and its one state."""


def cost_facts(job: Mapping[str, Any], entered: int, items: int) -> dict[str, Any]:
    """Return what `items` of `job` cost in each way, in dollars a thousand.

    `entered` is the number of states that its machine entered.
    """
    lines = {line["role"]: line for line in job["receipt"]["lines"]}
    children = int(lines["children"]["transitions"])
    cost = catalogue().cost
    transition = cost("stepfunctions.standard.transition", 1)
    own = entered * transition
    express = cost("stepfunctions.express.request", children) + children * transition
    waiting = cost("stepfunctions.express.gb_second", lines["asking"]["seconds"] * CHILD_GB)
    each = items * STANDARD_STATES_AN_ITEM * transition
    several = children * STANDARD_STATES_AN_ITEM * transition
    paths = job["estimate"]["models"][0]["paths"]
    return {
        "children": children,
        "states entered by the machine": entered,
        "dollars a thousand items": {
            "Express children, as built": _a_thousand(own + express + waiting, items),
            "Standard children of as many items": _a_thousand(own + several, items),
            "Standard children, one an item": _a_thousand(own + each, items),
            "the functions that ask": _told(lines["asking"]["dollars"], items),
            "the model": _told(lines["embedding"]["dollars"], items),
        },
        "dollars a thousand items by service tier, at most": {
            path["service_tier"]: path["reason"]
            if path["dollars"] is None
            else _told(path["dollars"], items)
            for path in paths
        },
    }


def _a_thousand(nanodollars: int, items: int) -> str:
    return _told(dollars(nanodollars), items)


def _told(amount: Decimal | str, items: int) -> str:
    return f"{Decimal(amount) * 1_000 / items:.6f}"

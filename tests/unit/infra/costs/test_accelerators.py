"""The table of claims on accelerators, and its arithmetic."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from infra.costs import accelerators
from infra.costs.accelerators import AcceleratorClaim

PAGE = Path(__file__).parents[4] / "docs" / "training.md"


def test_the_page_should_have_the_table_of_the_command() -> None:
    text = PAGE.read_text(encoding="utf-8")
    _, _, rest = text.partition(f"{accelerators.BEGIN}\n\n")
    assert rest.partition(f"\n\n{accelerators.END}")[0] == "\n".join(accelerators.table())


def test_a_claim_should_be_priced_by_the_list() -> None:
    told: Any = {"instance": "ml.trn1.2xlarge", "source": "https://x", "date": "2026-01-01"}
    speed = AcceleratorClaim(
        what="a model", per_second=Decimal(1000), usd_per_million=Decimal("0.1"), **told
    )
    assert accelerators.usd_per_million(speed) == Decimal("1.34375") / Decimal("3.6")
    saving = AcceleratorClaim(what="training", beside="ml.m5.large", saves=Decimal("0.5"), **told)
    assert accelerators.speed_needed(saving) == Decimal("1.34375") / Decimal("0.048")
    with pytest.raises(ValueError, match=r"ml\.trn2\.48xlarge has no list price"):
        accelerators.list_price("ml.trn2.48xlarge")
    with pytest.raises(ValidationError, match="a claim needs per_second"):
        AcceleratorClaim(what="half", per_second=Decimal(1), **told)

"""Drawn lists that are no tables: the same each time, and with all of their true values."""

from __future__ import annotations

from models.datasets.business_documents.list_shapes import shaped_documents
from models.field_ranker.examples import read_generated


def test_equal_arguments_should_give_equal_documents_of_ways_that_splits_do_not_share() -> None:
    drawn = [list(shaped_documents("train", 3, 4)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    train = {each.template for each in shaped_documents("train", 3, 10)}
    validation = {each.template for each in shaped_documents("validation", 3, 10)}
    assert not train & validation


def test_true_values_should_stand_in_the_document() -> None:
    for each in shaped_documents("validation", 5, 6):
        text = "".join(
            "".join(filter(str.isalnum, page.text)) for page in read_generated(each).pages
        )
        places = [place for row in each.lists[0].rows for cell in row for place in cell.places]
        assert places
        for place in places:
            assert "".join(filter(str.isalnum, place.raw)) in text

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput
from chalicelib.retrieval.ids import (
    InboxPlace,
    check_path,
    document_id,
    parse_inbox_key,
    text_index_name,
    vector_key,
    version_id,
    version_order,
)

ANY = st.text(max_size=40)


@given(ANY.filter(lambda text: text.isprintable()))
def test_an_id_is_one_that_every_store_takes(path: str) -> None:
    assert re.fullmatch(r"doc_[a-z2-7]{24}", document_id("acme", "default", path))
    assert re.fullmatch(r"v_[a-z2-7]{24}", version_id("bucket", path, "one"))


def test_parts_of_an_id_cannot_be_moved_between_each_other() -> None:
    assert document_id("ab", "c", "d") != document_id("a", "bc", "d")
    assert document_id("a", "b/c", "d") != document_id("a", "b", "c/d")


@given(st.text(alphabet="abc/.- é", min_size=1, max_size=60))
def test_a_key_leads_back_to_its_place(path: str) -> None:
    place = InboxPlace("acme", "default", path)
    if path.endswith("/"):
        with pytest.raises(InvalidInput):
            parse_inbox_key(place.key)
    else:
        assert parse_inbox_key(place.key) == place


def test_half_a_surrogate_pair_cannot_be_in_a_path() -> None:
    with pytest.raises(InvalidInput, match="Unicode"):
        check_path("a\ud800.txt")


@pytest.mark.parametrize("sequencer", ["", "xyz", "0" * 33, "12 34"])
def test_what_is_no_sequencer_is_refused(sequencer: str) -> None:
    with pytest.raises(InvalidInput):
        version_order(sequencer)


def test_sequencers_order_as_s3_says_whatever_their_case_and_length() -> None:
    orders = [version_order(text) for text in ("0055aed6dcd90281e4", "0055AED6DCD90281E5")]
    assert orders == sorted(orders)


def test_vector_keys_sort_as_their_chunks() -> None:
    keys = [vector_key("doc_a", "v_b", n) for n in (0, 9, 10, 99_999)]
    assert keys == sorted(keys)


def test_an_index_of_a_tuned_model_should_have_a_name_that_s3_vectors_takes() -> None:
    tenant, model = "t" * 31, "support.search-of-the-north@0123456789abcdef"
    name = text_index_name(tenant, model, "-abc123")
    assert name == f"{tenant}-support.search-of-abc123.terms"
    assert 3 <= len(name) <= 63

"""Pairs of texts and translations are read from catalogues as packages have them."""

from __future__ import annotations

import json
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from models.field_ranker.translations import catalogue_pairs


def test_labels_of_both_forms_should_be_read_and_sentences_left_out(tmp_path: Path) -> None:
    english = json.dumps({"order": {"number": "Order number:", "help": "{{count}} orders"}})
    german = json.dumps({"order": {"number": "Bestellnummer:", "help": "{{count}} Bestellungen"}})
    catalog = Catalog(locale="de")
    catalog.add("Due date", "Fällig am")
    catalog.add("Email", "email")
    catalog.add("This order can't be changed any more", "Nicht mehr zu ändern")
    path = tmp_path / "django.mo"
    with path.open("wb") as file:
        write_mo(file, catalog)
    assert catalogue_pairs(german.encode(), english.encode()) == {("Order number", "Bestellnummer")}
    assert catalogue_pairs(path.read_bytes(), None) == {("Due date", "Fällig am")}

from __future__ import annotations

from models.datasets import address_parts


def street(words: str, more: str = "") -> str:
    named = " ".join(f"<StreetName>{word}</StreetName>" for word in words.split())
    return f"<AddressString><AddressNumber>12</AddressNumber> {named}{more}</AddressString>"


FILE = f"""<AddressCollection>
  {
    street(
        "Oak Hill",
        " <StreetNamePostType>St.,</StreetNamePostType> <PlaceName>Rye</PlaceName>,"
        " <StateName>NY</StateName> <CountryName>USA</CountryName>",
    )
}
  {street("Oak Hill")}
  {street("Oak Hill")}
  <AddressString><NotAddress>to whom</NotAddress></AddressString>
  <AddressString><Recipient>A. Bee,</Recipient> <Recipient>Sons</Recipient></AddressString>
</AddressCollection>"""


def test_words_of_a_part_that_stand_together_should_be_one_span() -> None:
    first, second, third = address_parts.rows(FILE.encode())
    assert first.text == "12 Oak Hill St., Rye, NY USA"
    assert [(first.text[each.start : each.end], each.label) for each in first.spans] == [
        ("12", "number"),
        ("Oak Hill St", "street"),
        ("Rye", "place"),
        ("NY", "state"),
    ]
    assert (first.group, second.group) == ("oak hill", "oak hill")
    assert [third.text[each.start : each.end] for each in third.spans] == ["A. Bee", "Sons"]


def test_a_street_should_be_in_one_part_and_other_sources_held_out() -> None:
    def file(*streets: str) -> bytes:
        body = "".join(street(each) for each in streets)
        return f"<AddressCollection>{body}</AddressCollection>".encode()

    mine = [f"Road {number}" for number in range(200)]
    held_out = {name: file("Far", "Road 7") for name in address_parts.HELD_OUT_FILES}
    parts = address_parts.split({address_parts.SPLIT_FILE: file(*mine), **held_out})
    groups = {name: {row.group for row in part} for name, part in parts.items()}
    assert {"far", "road 7"} <= groups["test"]
    assert sum(map(len, groups.values())) == len(set().union(*groups.values())) == 201
    assert len(groups["train"]) > 100
    assert len(groups["test"]) > len(groups["validation"]) > 5

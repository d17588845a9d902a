"""The template's language means what Immich's documentation says, and no name does harm."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.wire import config as wire
from storage import paths, template
from storage.template import BadTemplate, Place, Subject, Template, fold

ID = UUID("a8312960-e277-447d-b4ea-56717ccba856")
OWNER = UUID("11111111-1111-4111-8111-111111111111")
TAKEN = datetime(2022, 2, 3, 16, 5, 6, 250_000)  # Thursday of the fifth week
PLAIN = Subject(ID, "IMAGE", "IMG_123.JPG", TAKEN)
FULL = Subject(
    ID, "IMAGE", "IMG_123.JPG", TAKEN,
    album="Trip", album_start=datetime(2021, 12, 31, 5), album_end=datetime(2023, 5, 6, 9),
    make="FUJIFILM", model="X-T50", lens_model="XF27mm F2.8 R WR",
)  # fmt: skip


def place(text: str, subject: Subject = FULL, **details: Any) -> Place:
    given = {"extension": "jpg", "folder": "alice", "owner_id": OWNER} | details
    return Template(text).place(subject, **given)


def render(text: str, subject: Subject = FULL, **details: Any) -> str:
    """Without what is always there."""
    return place(text, subject, **details).first.removeprefix("library/alice/")


TOKENS = {
    "y": "2022", "yy": "22", "M": "2", "MM": "02", "MMM": "Feb", "MMMM": "February",
    "W": "5", "WW": "05", "d": "3", "dd": "03", "h": "4", "hh": "04", "H": "16", "HH": "16",
    "m": "5", "mm": "05", "s": "6", "ss": "06", "SSS": "250",
    "filename": "IMG_123", "ext": "jpg", "filetype": "IMG", "filetypefull": "IMAGE",
    "assetId": str(ID), "assetIdShort": "56717ccba856", "album": "Trip",
    "make": "FUJIFILM", "model": "X-T50", "lensModel": "XF27mm F2.8 R WR",
    "album-startDate-y": "2021", "album-startDate-MMMM": "December", "album-startDate-dd": "31",
    "album-endDate-y": "2023", "album-endDate-W": "18", "album-endDate-HH": "09",
}  # fmt: skip


@pytest.mark.parametrize(("token", "text"), TOKENS.items())
def test_each_token_has_its_value(token, text):
    assert render(f"{{{{{token}}}}}") == f"{text}.jpg"
    assert render(f"{{{{ {token} }}}}/{{{{{{{token}}}}}}}") == f"{text}/{text}.jpg"


def test_midnight_and_noon_are_twelve():
    for hour, shown in ((0, "12"), (12, "12"), (13, "01")):
        subject = FULL._replace(taken_at=TAKEN.replace(hour=hour))
        assert render("{{hh}}", subject) == f"{shown}.jpg"


def test_all_that_clients_offer_is_understood():
    options = dict(wire.TEMPLATE_OPTIONS)
    for preset in options.pop("presetOptions"):
        assert render(preset).endswith(".jpg")
    tokens = [token for group in options.values() for token in group]
    assert sorted(tokens) == sorted(template.DATE_TOKENS)
    for token in tokens:
        for name in (token, f"album-startDate-{token}", f"album-endDate-{token}"):
            assert len(render(f"{{{{{name}}}}}")) > len(".jpg")


@pytest.mark.parametrize(
    ("text", "subject", "shown"),
    [
        ("{{y}}/{{#if album}}{{album}}{{else}}Other/{{MM}}{{/if}}/{{filename}}", FULL,
         "2022/Trip/IMG_123"),
        ("{{y}}/{{#if album}}{{album}}{{else}}Other/{{MM}}{{/if}}/{{filename}}", PLAIN,
         "2022/Other/02/IMG_123"),
        ("{{#if album}}{{#if make}}a{{else}}b{{/if}}{{else}}{{#if make}}c{{else}}d{{/if}}{{/if}}",
         FULL, "a"),
        ("{{#if album}}{{#if make}}a{{else}}b{{/if}}{{else}}{{#if make}}c{{else}}d{{/if}}{{/if}}",
         PLAIN, "d"),
        ("{{#if album}}a{{else if make}}b{{else}}c{{/if}}", PLAIN._replace(make="Canon"), "b"),
        ("{{#if album}}a{{else if make}}b{{else}}c{{/if}}", PLAIN, "c"),
        ("{{#if album}}{{album}}/{{/if}}{{filename}}", PLAIN, "IMG_123"),
        ("{{album}}/{{filename}}", PLAIN, "IMG_123"),
        ("{{album-startDate-y}}/{{filename}}", PLAIN, "IMG_123"),
        ("{{make}}/{{model}}/{{lensModel}}/{{filename}}", PLAIN, "IMG_123"),
        ("a//b///{{filename}}", PLAIN, "a/b/IMG_123"),
    ],
)  # fmt: skip
def test_a_template_chooses(text, subject, shown):
    assert render(text, subject) == f"{shown}.jpg"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{{foo}}", "there is no {{foo}}"),
        ("{{}}", "there is no {{}}"),
        ("{{y y}}", "there is no {{y y}}"),
        ("{{album-startDate-x}}", "there is no {{album-startDate-x}}"),
        ("{{#if foo}}a{{/if}}", "there is no {{foo}}"),
        ("{{#each album}}a{{/each}}", "there is no {{#each}}"),
        ("{{#if y}}a", "{{#if y}} does not end with {{/if}}"),
        ("{{#if y}}a{{else}}b{{else}}c{{/if}}", "{{#if y}} does not end with {{/if}}"),
        ("a{{/if}}", "{{/if}} stands outside of any {{#if}}"),
        ("{{else}}", "{{else}} stands outside of any {{#if}}"),
        ("{{y", "there is a {{ or }} without its other half"),
        ("y}}", "there is a {{ or }} without its other half"),
        ("{{#if y}}" * 40 + "{{/if}}" * 40, "there are more than 30 choices in it"),
        ("{{#if y}}" + "{{else if y}}" * 40 + "{{/if}}", "there are more than 30 choices in it"),
        ("a/" * 40, "it has more than 20 folders"),
        ("a" * 3000, "it is longer than 2000 characters"),
    ],
)
def test_what_is_no_template_is_told(text, complaint):
    with pytest.raises(BadTemplate, match=f"^{re.escape(complaint)}$"):
        Template(text)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.jpg", "etcpasswd"),
        ("..jpg", str(ID)),
        (".hidden.jpg", "hidden"),
        ("a\0b\nc\x9fd.jpg", "abcd"),
        ('<a>:"b"|c?*\\.jpg', "abc"),
        ("trailing. . .jpg", "trailing"),
        ("CON.jpg", "_CON"),
        ("com1.old.jpg", "_com1.old"),
        ("a\u202ejpg.jpg", "ajpg"),
        ("Screenshot 1.00\u202fPM.png", "Screenshot 1.00 PM"),
        ("e\u0301t\u00e9.jpg", "\u00e9t\u00e9"),
        ("\ud800a.jpg", "a"),
        ("IMG", "IMG"),
        ("???.jpg", str(ID)),
        ("A & B's.jpg", "A & B's"),
    ],
)
def test_names_do_no_harm(name, shown):
    assert render("{{filename}}", PLAIN._replace(file_name=name)) == f"{shown}.jpg"


def test_values_make_no_folders():
    subject = FULL._replace(album="a/../b. .c", make="../x", model="..", lens_model="f/2.8")
    assert render("{{album}}/{{make}}/{{model}}/{{lensModel}}", subject) == "ab c/x/f2.8.jpg"


def test_nor_does_a_template_lead_out():
    assert place("../../{{filename}}").first == "library/alice/IMG_123.jpg"
    assert place("/etc/./.ssh/{{filename}}", folder="../..").first == (
        f"library/{OWNER}/etc/ssh/IMG_123.jpg"
    )


@pytest.mark.parametrize(
    ("extension", "shown"),
    [("JPEG", "jpg"), ("jpe", "jpg"), ("tif", "tiff"), ("3gpp", "3gp"), ("mpeg", "mpg"),
     ("m2ts", "mts"), ("heic", "heic"), ("CR2", "cr2")],
)  # fmt: skip
def test_an_extension_is_written_in_one_way(extension, shown):
    assert render("{{ext}}", extension=extension) == f"{shown}.{shown}"


def test_the_next_names_are_numbered():
    names = place("{{y}}/{{filename}}").names()
    assert [next(names).key.rpartition("/")[2] for _ in range(3)] == [
        "IMG_123.jpg", "IMG_123+1.jpg", "IMG_123+2.jpg"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "is_held"),
    [("IMG_123.jpg", True), ("IMG_123+7.jpg", True), ("IMG_123+07.jpg", False),
     ("IMG_123+.jpg", False), ("IMG_123+7x.jpg", False), ("IMG_1234.jpg", False),
     ("IMG_123.jpeg", False), ("x/IMG_123.jpg", False)],
)  # fmt: skip
def test_each_of_its_names_is_the_right_place(name, is_held):
    assert place("{{filename}}").holds(f"library/alice/{name}") is is_held


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [("a/B.jpg", "A/b.JPG", True), ("\u00e9", "e\u0301", True), ("stra\u00dfe", "STRASSE", True),
     ("a", "b", False)],
)  # fmt: skip
def test_some_disks_take_one_name_for_another(one, other, is_same):
    assert (fold(one) == fold(other)) is is_same


ANY = st.text(st.characters(), max_size=300) | st.text("./\\ \u00e9+", max_size=300)
HOSTILE = st.one_of(ANY, st.sampled_from(["..", "con", "\u0390" * 300, "\U0001f468" * 200]))


@given(
    text=st.lists(
        st.sampled_from([f"{{{{{token}}}}}" for token in template.TOKENS]) | ANY.map(
            lambda text: text.replace("{", "").replace("}", "")
        ),
        max_size=12,
    ),
    values=st.fixed_dictionaries(
        dict.fromkeys(("file_name", "album", "make", "model", "lens_model"), HOSTILE)
    ),
    folder=HOSTILE,
)  # fmt: skip
def test_whatever_is_written_a_name_is_safe(text, values, folder):
    try:
        compiled = Template("".join(text))
    except BadTemplate:
        return
    found = compiled.place(FULL._replace(**values), extension="jpg", folder=folder, owner_id=OWNER)
    names = found.names()
    for name in (next(names).key for _ in range(12)):
        assert_safe(name)
        assert found.holds(name)
    again = found.stem.removeprefix("library/").split("/")
    assert [template._part(part) for part in again] == again


def assert_safe(name: str) -> None:
    root = Path("/data")
    assert paths.resolve(root, paths.sidecar(name)).is_relative_to(root / "library")
    assert len(name.encode()) < 2000
    for part in name.split("/"):
        assert part and part.isprintable()
        assert not part.startswith((".", " ")) and not part.endswith((".", " "))
        assert len(part.encode()) <= 230
        assert not re.search(r'[\\?<>:*|"]', part)
        assert not re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", part)

"""Words that files carry, as tags in a tree: `Places/Norway`."""

from __future__ import annotations

from collections.abc import Iterable

from media.tags import Tags

WORDS_MAX = 1000
CHARACTERS_MAX = 500  # of a tag with all above it

TAGS = "Xmp.digiKam.TagsList"
HIERARCHIES = "Xmp.lr.hierarchicalSubject"
SUBJECTS = "Xmp.dc.subject"


def read(beside: Tags, own: Tags) -> list[str]:
    """Return the tags, sorted, in the first form there is, of the sidecar or of the file itself.

    The order is Immich's. A sidecar that has the first form, and nothing in it, says: none.
    """
    for name in (TAGS, HIERARCHIES, "Iptc.Application2.Keywords", SUBJECTS):
        for of in (beside, own):
            words = of.texts(name)
            if words or (words == [] and name == TAGS and of is beside):
                return _tidy(map(_from_hierarchy, words) if name == HIERARCHIES else words)
    return []


def hierarchy(tag: str) -> str:
    """As Lightroom writes it: `Places|Norway`. A bar within a name was a slash there."""
    return "|".join(name.replace("|", "/") for name in tag.split("/"))


def _from_hierarchy(words: str) -> str:
    return "/".join(name.replace("/", "|") for name in words.split("|"))


def _tidy(words: Iterable[str]) -> list[str]:
    """Without blanks around names, and without names that are blank."""
    paths = ("/".join(filter(None, map(str.strip, word.split("/")))) for word in words)
    fitting = {path for path in paths if path and len(path) <= CHARACTERS_MAX}
    return sorted(fitting)[:WORDS_MAX]

"""What is made of assets and found in them, as rules of the machine."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from sync.operations import assets, edits, findings, memories, people, stacks
from sync.operations.edits import Edit
from sync.operations.findings import Text
from sync.operations.people import Box
from tests.sync.changes import PICK, SOME, VISIBILITY, WHO, Changes
from tests.sync.library import SENT

TURN = Edit("rotate", {"angle": 90})
CROP = Edit("crop", {"x": 1, "y": 2, "width": 30, "height": 20})
FLIP = Edit("mirror", {"axis": "vertical"})
STEPS = st.lists(st.sampled_from([TURN, FLIP]), min_size=1, max_size=2)
BOXES = st.sets(st.integers(0, 3), max_size=3)
SIGN = Text("EX\nIT", (0.0, 0.0, 1.0, 0.0, 1.0, 0.5, 0.0, 0.25), 0.75, 0.5)


def a_box(number: int) -> Box:
    return Box(100, 100, number * 20, 0, number * 20 + 15, 15)


class Order(Changes):
    """Stacks, memories, people with their faces, text, edits."""

    def __init__(self) -> None:
        super().__init__()
        self.stacks: list[tuple[int, UUID]] = []
        self.memories: list[tuple[int, UUID]] = []
        self.people: list[tuple[int, UUID]] = []

    def keep(self, kept: list[tuple[int, UUID]], who: int, id_: UUID | None) -> None:
        if id_:
            kept.append((who, id_))

    @rule(who=WHO, picks=SOME)
    def create_stack(self, who: int, picks: list[int]) -> None:
        ids = self.assets_of(who, picks)
        self.keep(self.stacks, who, self.write(stacks.create_stack, self.actors[who], ids))

    @rule(number=PICK, pick=PICK, what=st.sampled_from(["cover", "remove", "remove", "delete"]))
    def change_stack(self, number: int, pick: int, what: str) -> None:
        if not self.stacks:
            return
        who, stack_id = self.stacks[number % len(self.stacks)]
        actor, ids = self.actors[who], self.assets_of(who, [pick])
        if what == "delete":
            self.write(stacks.delete_stack, actor, stack_id)
        elif ids:
            cover, remove = stacks.update_stack, stacks.remove_asset_from_stack
            self.write(cover if what == "cover" else remove, actor, stack_id, ids[0])

    @rule(number=PICK, visibility=VISIBILITY)
    def show_first(self, number: int, visibility: str) -> None:
        """Who sees a stack depends on what stands for it."""
        if not self.stacks:
            return
        who, stack_id = self.stacks[number % len(self.stacks)]

        async def show(tx: Any) -> None:
            query = "SELECT primary_asset_id AS id FROM stack WHERE id = %s"
            rows = await (await tx.execute(query, [stack_id])).fetchall()
            ids = [row["id"] for row in rows]
            await assets.update_assets(tx, self.actors[who], ids, visibility=visibility)

        self.write(show)

    @rule(who=WHO, picks=SOME)
    def create_memory(self, who: int, picks: list[int]) -> None:
        made = {"type": "on_this_day", "data": {"year": 2019}, "memory_at": SENT}
        ids = self.assets_of(who, picks)
        memory_id = self.write(
            memories.create_memory, self.actors[who], asset_ids=ids, show_at=SENT, **made
        )
        self.keep(self.memories, who, memory_id)

    @rule(
        number=PICK,
        picks=SOME,
        what=st.sampled_from(["add", "add", "remove", "update", "delete", "delete"]),
    )
    def change_memory(self, number: int, picks: list[int], what: str) -> None:
        if not self.memories:
            return
        who, memory_id = self.memories[number % len(self.memories)]
        actor, ids = self.actors[who], self.assets_of(who, picks)
        if what == "delete":
            self.write(memories.delete_memory, actor, memory_id)
        elif what == "update":
            self.write(memories.update_memory, actor, memory_id, is_saved=True, seen_at=SENT)
        else:
            links = {"add": memories.add_assets, "remove": memories.remove_assets}
            self.write(links[what], actor, memory_id, ids)

    @rule(who=WHO, pick=PICK, boxes=BOXES, name=st.none() | st.just('"Ö\n'))
    def see_faces(self, who: int, pick: int, boxes: set[int], name: str | None) -> None:
        """Some are named at once."""
        for asset_id in self.assets_of(who, [pick]):
            found = [a_box(number) for number in sorted(boxes)]
            ids = self.write(people.record_faces, asset_id, found) or []
            if name is not None and ids:
                made = {"name": name, "birth_date": date(1980, 2, 29)}
                person_id = self.write(people.create_person, self.actors[who], **made)
                self.keep(self.people, who, person_id)
                self.write(people.reassign_face, self.actors[who], ids[0], person_id)

    @rule(number=PICK, pick=PICK, box=st.integers(0, 3), other=PICK)
    def name_face(self, number: int, pick: int, box: int, other: int) -> None:
        """A person says whose face is where, and maybe that it was another's."""
        if not self.people:
            return
        who, person_id = self.people[number % len(self.people)]
        _, other_id = self.people[other % len(self.people)]
        for asset_id in self.assets_of(who, [pick]):
            face_id = self.write(
                people.create_face, self.actors[who], asset_id, person_id, a_box(box)
            )
            if face_id and box:
                self.write(people.reassign_face, self.actors[who], face_id, other_id)
            if face_id and box == 2:
                self.write(people.delete_face, self.actors[who], face_id, force=bool(other % 2))

    @rule(number=PICK, other=PICK, what=st.sampled_from(["update", "merge", "delete"]))
    def change_person(self, number: int, other: int, what: str) -> None:
        if not self.people:
            return
        who, person_id = self.people[number % len(self.people)]
        owner, other_id = self.people[other % len(self.people)]
        actor = self.actors[who]
        if what == "delete":
            self.write(people.delete_people, actor, [person_id])
        elif what == "merge" and owner == who:
            self.write(people.merge_people, actor, person_id, [other_id])
        else:
            changes: dict[str, Any] = {"is_hidden": bool(other % 2), "color": "red"}
            for asset_id in self.assets_of(who, [other]):
                self.write(
                    people.update_person, actor, person_id, featured_asset_id=asset_id, **changes
                )
            self.write(people.update_person, actor, person_id, **changes)

    @rule(who=WHO, pick=PICK, count=st.integers(0, 2))
    def read_text(self, who: int, pick: int, count: int) -> None:
        for asset_id in self.assets_of(who, [pick]):
            self.write(findings.record_ocr, asset_id, [SIGN] * count)

    @rule(who=WHO, pick=PICK, steps=STEPS, is_kept=st.booleans())
    def edit_picture(self, who: int, pick: int, steps: list[Edit], is_kept: bool) -> None:
        for asset_id in self.assets_of(who, [pick]):
            self.write(edits.set_edits, self.actors[who], asset_id, steps)
            if not is_kept:
                self.sequence()
                self.write(edits.remove_edits, self.actors[who], asset_id)

"""The same law while nights go by, in which tombstones and old parts of the log are forgotten."""

from __future__ import annotations

import os
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from sync import retention
from tests.sync import long_run, machine
from tests.sync.machine import Library
from tests.sync.replica import Replica, new_session
from tests.sync.test_convergence import EXAMPLES, ROUNDS_MAX, SETTINGS
from tests.sync.test_retention import Phone

WHOLE = b"""
DO $$
DECLARE part text;
BEGIN
    FOR part IN SELECT inhrelid::regclass::text FROM pg_inherits
                 WHERE inhparent = 'log'::regclass LOOP
        EXECUTE format('DROP TABLE %s', part);
    END LOOP;
END $$;
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (1) TO (MAXVALUE);
TRUNCATE log_part;
INSERT INTO log_part (first) VALUES (1);
UPDATE log_floor SET pos = 0"""
AGE = """UPDATE log_part
            SET began_at = began_at - %(ago)s, cut_at = cut_at - %(ago)s"""


class Forgetful(Library):
    """Phones of which some stay away for long."""

    forgotten = 0
    left_behind = 0

    @initialize()
    def open(self) -> None:
        self.run(self.connection.execute(WHOLE))
        super().open()

    @rule(days=st.sampled_from([8, 8, 32, 60, 91]))
    def let_time_pass(self, days: int) -> None:
        self.sequence()
        for some in (8, days):  # First the log is cut; what was cut off can grow old.
            self.run(self.connection.execute(AGE.encode(), {"ago": timedelta(days=some)}))
            pruned = self.run(retention.prune(self.database))
            Forgetful.forgotten += pruned.tombstones
            Forgetful.left_behind += pruned.sessions


async def new_phone(database, user_id) -> Replica:
    return Replica(Phone(database, user_id, await new_session(database, user_id)))


def test_every_client_converges_while_the_past_is_forgotten(dsn, monkeypatch):
    monkeypatch.setattr(long_run, "Library", Forgetful)
    monkeypatch.setattr(machine, "new_replica", new_phone)
    for number in range(ROUNDS_MAX):
        how = settings(SETTINGS, max_examples=-(-EXAMPLES // 2))
        long_run.run(dsn, how, None if "EXAMPLES" in os.environ else number)
        if Forgetful.forgotten and Forgetful.left_behind:
            break
    assert Forgetful.forgotten > 0 and Forgetful.left_behind > 0  # It proved something.

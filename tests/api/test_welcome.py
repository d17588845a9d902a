"""Telling somebody by e-mail of the account that an administrator made."""

from __future__ import annotations

import msgspec
import pytest

from server import chores
from server.app import CONTEXT
from sync import worker
from sync.config import Notifications, Smtp, SmtpTransport
from sync.stream import settle
from tests.sync.library import until

USERS = "/api/admin/users"
NEW = {"email": "Carol@Example.org", "name": "Carol", "password": "long enough"}


@pytest.fixture
def jobs(query, database):
    """Wait until there are so many e-mails to be sent."""

    async def jobs(count, condition="true"):
        await settle(database)
        statement = f"SELECT 1 FROM job WHERE queue = 'mail' AND {condition}"

        async def is_so():
            return len(await query(statement)) == count

        await until(is_so)

    return jobs


@pytest.fixture
def again(execute, database):
    """Have what failed be tried again now."""

    async def again():
        await execute("UPDATE job SET claimed_until = now() WHERE queue = 'mail'")
        await worker.announce(database)

    return again


@pytest.fixture
def use_smtp(server):
    """Send e-mails to whoever listens at that port."""

    def use_smtp(port):
        context = server.app[CONTEXT]
        transport = SmtpTransport(host="127.0.0.1", port=port)
        smtp = Smtp(enabled=True, from_="server@example.org", transport=transport)
        context.config = msgspec.structs.replace(
            context.config, notifications=Notifications(smtp=smtp)
        )

    return use_smtp


async def test_who_is_made_may_be_told_by_mail(admin, mailbox, use_smtp, query, jobs):
    use_smtp(mailbox.port)

    await admin.post(USERS, NEW | {"email": "dan@example.org"})
    assert (await admin.post(USERS, NEW | {"notify": True})).status == 201

    letter = await mailbox.next()
    assert letter["To"].lower() == NEW["email"].lower()
    assert NEW["password"] in letter.get_body(("plain",)).get_content()
    assert mailbox.is_empty
    await jobs(0)
    assert await query("SELECT user_id FROM welcome") == []
    facts = [bytes(row["facts"]) for row in await query("SELECT facts FROM log")]
    assert [one for one in facts if NEW["password"].encode() in one] == []


async def test_nobody_waits_for_a_mail_server_that_is_away(
    admin, mailbox, use_smtp, unused_tcp_port, query, jobs, again
):
    use_smtp(unused_tcp_port)
    answer = await admin.post(USERS, NEW | {"notify": True})
    assert answer.status == 201
    await jobs(1, "last_error IS NOT NULL")

    use_smtp(mailbox.port)
    await again()
    letter = await mailbox.next()

    assert NEW["password"] in letter.get_body(("plain",)).get_content()


async def test_nobody_is_told_of_a_password_that_is_none_any_more(
    admin, mailbox, use_smtp, unused_tcp_port, query, jobs, again
):
    use_smtp(unused_tcp_port)
    user = (await admin.post(USERS, NEW | {"notify": True})).json
    await jobs(1, "last_error IS NOT NULL")
    assert (await admin.put(f"{USERS}/{user['id']}", {"password": "another one"})).status == 200

    use_smtp(mailbox.port)
    await again()
    await jobs(0)

    assert mailbox.is_empty
    assert await query("SELECT user_id FROM welcome") == []


async def test_a_password_that_nobody_could_be_told_is_forgotten(
    admin, use_smtp, unused_tcp_port, query, execute, server
):
    use_smtp(unused_tcp_port)
    await admin.post(USERS, NEW | {"notify": True})
    await execute("UPDATE welcome SET created_at = now() - interval '2 days'")

    await chores.forget_notifications(server.app[CONTEXT])

    assert await query("SELECT user_id FROM welcome") == []

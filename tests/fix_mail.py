"""An SMTP server, and what it was given."""

from __future__ import annotations

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP


class Mailbox:
    """Letters in the order in which they came."""

    def __init__(self) -> None:
        self.port = 0
        self._letters: asyncio.Queue[EmailMessage] = asyncio.Queue()

    async def handle_DATA(self, server, session, envelope) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        await self._letters.put(message)
        return "250 kept"

    async def next(self) -> EmailMessage:
        async with asyncio.timeout(20):
            return await self._letters.get()

    @property
    def is_empty(self) -> bool:
        return self._letters.empty()


@pytest.fixture
async def mailbox():
    """Of a real SMTP server on this machine, without encryption."""
    box = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, hostname="localhost", loop=loop), "127.0.0.1", 0
    )
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()
    await server.wait_closed()

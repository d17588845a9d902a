"""E-mails: for each notification whose receiver wants it one, by the SMTP server set."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from functools import partial
from uuid import UUID

from server import letters
from server.context import Context
from server.letters import Letter
from sql import Transaction, reads
from sync import preferences
from sync.config import Config, Smtp
from sync.operations import notifications
from sync.worker import Consumer, Job, Record

TIMEOUT_SECONDS = 10.0
HOME = "https://my.immich.app"  # leads to one's own server, wherever that is
WANTED = {"AlbumInvite": "albumInvite", "AlbumUpdate": "albumUpdate"}  # type to preference
LETTERS = {"AlbumInvite": "album-invite", "AlbumUpdate": "album-update"}


class CannotSend(Exception):
    """The SMTP server is not there, or does not want it; the text says why."""


def mail_consumer(context: Context) -> Consumer:
    async def send_mail(job: Job) -> Record:
        is_wanted = context.config.notifications.smtp.enabled
        if job.topic == "user.welcome_requested":
            if is_wanted:
                await _send_welcome(context, job.entity_id)
            return partial(notifications.forget_welcome, user_id=job.entity_id)
        if is_wanted:
            await _send_notification(context, job.entity_id)
        return _record_nothing

    return send_mail


def write(config: Config, name: str, values: dict[str, str], template: str = "") -> Letter:
    """A letter that knows where this server is."""
    base_url = config.server.external_domain.rstrip("/") or HOME
    chosen = template or letters.template_of(name, config.templates.email)
    return letters.write(name, {"baseUrl": base_url, **values}, chosen)


async def send(smtp: Smtp, to: str, letter: Letter) -> str:
    """Send it now; return the message's id. Raises CannotSend."""
    message = EmailMessage()
    message["Subject"] = letter.subject
    message["From"] = smtp.from_
    message["To"] = to
    message["Reply-To"] = smtp.reply_to or smtp.from_
    message["Date"] = formatdate()
    message["Message-ID"] = message_id = make_msgid()
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    try:
        await asyncio.to_thread(_deliver, smtp, message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise CannotSend(str(error)) from error
    return message_id


async def verify(smtp: Smtp) -> None:
    """Whether the server lets us in. Raises CannotSend."""
    try:
        await asyncio.to_thread(_deliver, smtp, None)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise CannotSend(str(error)) from error


def _deliver(smtp: Smtp, message: EmailMessage | None) -> None:
    """Without a message, only knock."""
    transport = smtp.transport
    tls = ssl.create_default_context()
    if transport.ignore_cert:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    with _connect(transport.host, transport.port, tls if transport.secure else None) as server:
        if not transport.secure and server.has_extn("starttls"):
            server.starttls(context=tls)
            server.ehlo()
        if transport.username:
            server.login(transport.username, transport.password)
        if message is not None:
            server.send_message(message)


def _connect(host: str, port: int, tls: ssl.SSLContext | None) -> smtplib.SMTP:
    if tls:
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=tls)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
    server.ehlo()
    return server


async def _send_welcome(context: Context, user_id: UUID) -> None:
    async with context.database.read() as connection:
        row = await reads.notifications.get_welcome(connection, user_id=user_id)
    if row is None:
        return
    values = {"displayName": row["name"], "username": row["email"], "password": row["password"]}
    letter = write(context.config, "welcome", values)
    await send(context.config.notifications.smtp, row["email"], letter)


async def _send_notification(context: Context, notification_id: UUID) -> None:
    async with context.database.read() as connection:
        row = await reads.notifications.get_letter(connection, notification_id=notification_id)
    if row is None:
        return  # deleted before it was sent
    wishes = preferences.complete(row["preferences"] or {})["emailNotifications"]
    if not wishes["enabled"] or not wishes.get(WANTED.get(row["type"], ""), True):
        return
    if row["type"] in LETTERS and row["album_name"] is None:
        return
    values = {
        "recipientName": row["name"],
        "senderName": row["sender_name"] or "",
        "albumName": row["album_name"] or "",
        "albumId": str((row["data"] or {}).get("albumId", "")),
        "title": row["title"],
        "description": row["description"] or "",
    }
    letter = write(context.config, LETTERS.get(row["type"], "notification"), values)
    await send(context.config.notifications.smtp, row["email"], letter)


async def _record_nothing(tx: Transaction) -> None:
    """Sent, or nobody wants it."""

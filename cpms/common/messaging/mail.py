"""E-mails: stored as rows first and sent after the commit with retries. One layout, links only to our own hosts."""

from __future__ import annotations

import logging
import zoneinfo
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.mime.image import MIMEImage
from email.utils import formataddr, make_msgid, parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import models
from django.db.models import F, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

logger = logging.getLogger(__name__)
BATCH_SIZE = 500
LEASE = timedelta(minutes=5)  # then another worker may send an e-mail whose worker died
MAX_ATTEMPTS = 16  # within two days
OUR_NAME = "CPMS"
LOGO = "logo"  # content id of the picture in the HTML part
MAX_STORED = 200  # mails in the page for debugging


class OutgoingMail(models.Model):
    """An e-mail to send: stored in the transaction of the change it reports, sent and retried afterwards."""

    created_at = models.DateTimeField(_("written"), default=timezone.now)
    next_at = models.DateTimeField(_("next attempt"), default=timezone.now)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        abstract = True


@dataclass(frozen=True, slots=True)
class Sender:
    """The name and branding under which an e-mail is sent. Colours are texts like #4338ca.

    Args:
        site: scheme, host and port of links; empty: PUBLIC_URL.
        accent, text: the colours of a button and of its text.
        words: the colour of the name at the top.
        logo: a PNG, shown with `logo_width` and `logo_height`, on a dark background if it was made for one.
        reply_to: address for replies; empty: none.
    """

    name: str = OUR_NAME
    site: str = ""
    accent: str = "#4338ca"
    text: str = "#ffffff"
    words: str = "#4338ca"
    logo: bytes = b""
    logo_width: int = 0
    logo_height: int = 0
    logo_on_dark: bool = False
    reply_to: str = ""

    @property
    def address(self) -> str:
        """Our own address with the sender's name: a team's domain may not allow us to send from it."""
        own = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
        if self.name == OUR_NAME:
            return settings.DEFAULT_FROM_EMAIL
        return formataddr((" ".join(self.name.split()), own))


OUR_SENDER = Sender()


@dataclass(frozen=True, slots=True)
class MailContent:
    """The content of an e-mail, for both its text and its HTML part."""

    to: str
    subject: str
    paragraphs: Sequence[str]
    action: tuple[str, str] | None = None  # label and URL of a button
    after: Sequence[str] = field(default_factory=tuple)  # small paragraphs below the button

    def message(self, identity: str, sender: Sender = OUR_SENDER) -> EmailMessage:
        """Return a message ready to be sent.

        Args:
            identity: the Message-ID, the same at every attempt, so that a second copy can be recognised.
        """
        rows = [*self.paragraphs, *([f"{self.action[0]}:\n{self.action[1]}"] if self.action else []), *self.after]
        message = EmailMultiAlternatives(
            " ".join(self.subject.split())[:200],
            "\n\n".join(rows) + "\n",
            from_email=sender.address,
            to=[self.to],
            reply_to=[sender.reply_to] if sender.reply_to else None,
            headers={"Message-ID": identity, "Auto-Submitted": "auto-generated"},
        )
        context = {"mail": self, "sender": sender, "site": sender.site or settings.PUBLIC_URL, "logo": LOGO}
        message.attach_alternative(render_to_string("mail/letter.html", context), "text/html")
        if sender.logo:
            message.mixed_subtype = "related"  # type: ignore[attr-defined]  # it belongs to the HTML and is no attachment of its own
            message.attach(_inline_picture(sender.logo))
        return message


def warn_about_console() -> None:
    """Log a warning at the start of a process whose e-mails would only be written to its log."""
    if settings.EMAIL_BACKEND.endswith("console.EmailBackend") and not settings.DEBUG:
        logger.warning("mails are only written where this process logs: set EMAIL_URL")


def _inline_picture(content: bytes) -> MIMEImage:
    picture = MIMEImage(content, "png")
    picture.add_header("Content-ID", f"<{LOGO}>")
    picture.add_header("Content-Disposition", "inline", filename="logo.png")
    return picture


def message_id_of(kind: str, mail: Any) -> str:
    """Return the Message-ID of a row, the same at every attempt."""
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    return f"<{kind}-{mail.pk}.{int(mail.created_at.timestamp())}@{host}>"


def public_url(path: str, site: str = "") -> str:
    """Return the URL of a link in an e-mail. It never contains the Host header of a request.

    Args:
        site: scheme, host and port, if not PUBLIC_URL.
    """
    return f"{site or settings.PUBLIC_URL}{path}"


def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """Return a user's time zone, or the default one if the name is empty or invalid."""
    try:
        return zoneinfo.ZoneInfo(name or settings.DISPLAY_TIME_ZONE)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo(settings.DISPLAY_TIME_ZONE)


def send_due(mails: QuerySet[Any], write: Callable[[Any], EmailMessage | None]) -> int:
    """Send due e-mails one by one; those that fail are retried later. Return the number of sent e-mails.

    Args:
        write: returns the message of a row, or None if it is obsolete; the row is deleted then.
    """
    now, count = timezone.now(), 0
    due = mails.filter(sent_at__isnull=True, next_at__lte=now, attempts__lt=MAX_ATTEMPTS)
    for mail in due.order_by("next_at")[:BATCH_SIZE]:
        unclaimed = mails.model.objects.filter(pk=mail.pk, sent_at__isnull=True, next_at=mail.next_at)
        if unclaimed.update(next_at=now + LEASE, attempts=F("attempts") + 1):  # otherwise another worker was faster
            count += _send(mail, write)
    return count


def _send(mail: Any, write: Callable[[Any], EmailMessage | None]) -> bool:
    """Send an e-mail. Return whether it was sent. No transaction is open, since a mail server may be slow."""
    row = type(mail)._default_manager.filter(pk=mail.pk)
    try:
        message = write(mail)
        if message is not None:
            message.send()
    except Exception as error:  # any error of a mail server
        kind = type(mail).__name__
        logger.warning("a mail was not sent", extra={"kind": kind, "mail": mail.pk, "cause": type(error).__name__})
        wait = timedelta(minutes=min(2**mail.attempts, 360))
        row.update(error=f"{type(error).__name__}: {error}"[:2000], next_at=timezone.now() + wait)
        return False
    if message is None:
        row.delete()
        return False
    row.update(sent_at=timezone.now(), error="")
    return True


class StoringBackend(BaseEmailBackend):
    """For debugging: stores each e-mail in a folder, whose contents a page shows, and then sends it as usual."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.MAILS_FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{timezone.now():%Y%m%dT%H%M%S%f}{make_msgid()[1:12].replace('.', '')}.eml"
            (folder / f".{name}").write_bytes(message.message().as_bytes())
            (folder / f".{name}").rename(folder / name)
        for old in sorted(folder.glob("*.eml"))[:-MAX_STORED]:
            old.unlink(missing_ok=True)
        return get_connection(settings.MAILS_SENT_BY).send_messages(email_messages)

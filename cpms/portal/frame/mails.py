"""Pages that show sent e-mails, for demos and development. With MAILS_IN_PAGE on, they are visible to everyone."""

from __future__ import annotations

from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

MAX_SHOWN = 30


def _files() -> list[Path]:
    if not settings.MAILS_IN_PAGE:
        raise Http404
    return sorted(Path(settings.MAILS_FOLDER).glob("[!.]*.eml"), reverse=True)


def _read(path: Path) -> EmailMessage:
    return message_from_bytes(path.read_bytes(), policy=policy.default)


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content())


@never_cache
@require_safe
def mail_list(request: HttpRequest) -> HttpResponse:
    rows: list[dict[str, Any]] = []
    for path in _files()[:MAX_SHOWN]:
        message = _read(path)
        rows.append(
            {
                "name": path.stem,
                "at": datetime.fromtimestamp(path.stat().st_mtime, tz=timezone.get_current_timezone()),
                "to": message["To"],
                "subject": message["Subject"],
                "text": _body(message, "plain"),
            }
        )
    return render(request, "portal/frame/mail_list.html", {"mails": rows})


@never_cache
@require_safe
def mail_html(request: HttpRequest, name: str) -> HttpResponse:
    for path in _files():
        if path.stem == name:
            return HttpResponse(_body(_read(path), "html"))
    raise Http404

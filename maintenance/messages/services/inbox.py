"""Retry inbox entries that could not be applied."""

from __future__ import annotations

from functools import partial

from celery import current_app
from django.db import transaction
from django.db.models import QuerySet

from maintenance.messages.models import InboxEntry


def retry_failed(entries: QuerySet[InboxEntry]) -> int:
    """Have the drain apply failed entries again, and return their number."""
    count = entries.filter(failed_at__isnull=False).update(failed_at=None, error="")
    transaction.on_commit(partial(current_app.send_task, "ocpp_gateway.drain_all"), robust=True)
    return count

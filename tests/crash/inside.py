"""Run by `manage.py shell` on the stack: what the export of sessions does not show."""

from __future__ import annotations

import json

from chargers.models import Connector, Oddity
from maintenance.models import InboxEntry, Message
from sessions.models import ChargingSession, MeterReading


def show() -> None:
    waiting = InboxEntry.objects.filter(failed_at__isnull=True).count()  # first: once it is 0 nothing moves any more
    counted: dict[int, int] = {}
    for session_id, values in MeterReading.objects.values_list("session_id", "values"):
        counted[session_id] = counted.get(session_id, 0) + len(values)
    sessions = dict(ChargingSession.objects.values_list("pk", "sample_count"))
    statuses = Connector.objects.values_list("station__identity", "number", "status")
    report = {
        "waiting": waiting,
        "must_be_empty": {
            "entries set aside": list(
                InboxEntry.objects.filter(failed_at__isnull=False).values_list("error", flat=True)
            ),
            "oddities": list(Oddity.objects.values_list("kind", "note")),
            "messages answered with an error": list(
                Message.objects.exclude(error_code="").values_list("action", "error_code", "answer")[:20]
            ),
            "readings without a session": MeterReading.objects.filter(session__isnull=True).count(),
            "sessions whose number of samples is not that of their readings": [
                (pk, count, counted.get(pk, 0)) for pk, count in sessions.items() if count != counted.get(pk, 0)
            ],
        },
        "statuses": {f"{identity}/{number}": status for identity, number, status in statuses},
    }
    print(json.dumps(report))

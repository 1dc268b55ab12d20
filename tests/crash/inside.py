"""Print what the export of sessions does not contain. Run on the stack by `manage.py shell`."""

from __future__ import annotations

import json

from chargers.models import Connector, Oddity
from maintenance.models import InboxEntry, Message
from sessions.models import ChargingSession, MeterReading


def print_report() -> None:
    waiting = InboxEntry.objects.filter(failed_at__isnull=True).count()  # first: once it is 0, nothing changes any more
    reading_counts: dict[int, int] = {}
    for session_id, values in MeterReading.objects.values_list("session_id", "values"):
        reading_counts[session_id] = reading_counts.get(session_id, 0) + len(values)
    sessions = dict(ChargingSession.objects.values_list("pk", "sample_count"))
    statuses = Connector.objects.values_list("station__identity", "number", "status")
    report = {
        "waiting": waiting,
        "must_be_empty": {
            "failed inbox entries": list(
                InboxEntry.objects.filter(failed_at__isnull=False).values_list("error", flat=True)
            ),
            "anomalies": list(Oddity.objects.values_list("kind", "note")),
            "messages answered with an error": list(
                Message.objects.exclude(error_code="").values_list("action", "error_code", "answer")[:20]
            ),
            "readings without a session": MeterReading.objects.filter(session__isnull=True).count(),
            "sessions with a wrong sample count": [
                (pk, count, reading_counts.get(pk, 0))
                for pk, count in sessions.items()
                if count != reading_counts.get(pk, 0)
            ],
        },
        "statuses": {f"{identity}/{number}": status for identity, number, status in statuses},
    }
    print(json.dumps(report))

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser

from chargers.onboarding.services.registration import find_station
from cpms.common.scripting import ScriptCommand
from sessions.ledger.models import ChargingSession, ChargingSessionQuerySet

BATCH_SIZE = 2000


class Command(ScriptCommand):
    help = "Print every charging session: JSON lines, or one JSON array with --json."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--station", metavar="IDENTITY", help="only sessions of this station")
        parser.add_argument("--open", action="store_true", dest="only_open", help="only sessions that have not ended")

    def run(self, *, station: str | None, only_open: bool, **options: Any) -> None:
        sessions = ChargingSession.objects.select_related("station").defer("station__password")  # decrypting is slow
        if station is not None:
            sessions = sessions.filter(station=find_station(station))
        if only_open:
            sessions = sessions.open()
        if self.as_json:
            self._print_array(sessions)
        else:
            for row in _rows(sessions):
                self.stdout.write(json.dumps(row, ensure_ascii=False))

    def _print_array(self, sessions: ChargingSessionQuerySet) -> None:
        """Print row by row, so that memory use does not depend on the number of sessions."""
        separator = "["
        for row in _rows(sessions):
            self.stdout.write(separator + json.dumps(row, ensure_ascii=False), ending="")
            separator = ",\n"
        self.stdout.write("[]" if separator == "[" else "]")


def _rows(sessions: ChargingSessionQuerySet) -> Iterator[dict[str, Any]]:
    """Yield the rows page by page, because a cursor that stays open for long would block vacuuming."""
    last = 0
    while page := list(sessions.filter(pk__gt=last).order_by("pk")[:BATCH_SIZE]):
        for session in page:
            yield _row(session)
        last = page[-1].pk


def _row(session: ChargingSession) -> dict[str, Any]:
    return {
        "station": session.station.identity,
        "connector": session.connector_number,
        "transaction_id": session.transaction_id,
        "id_tag": session.id_tag,
        "start": _text(session.started_at),
        "stop": _text(session.stopped_at),
        "meter_start_wh": session.meter_start_wh,
        "meter_stop_wh": session.meter_stop_wh,
        "energy_wh": session.energy_wh,
        "samples": session.sample_count,
        "state": "open" if session.is_open else "completed",
        "flags": session.flags,
    }


def _text(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

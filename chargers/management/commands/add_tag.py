from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts.models import Team
from accounts.teams.services import find_team
from chargers.stations.models import ChargingStation
from chargers.stations.services import batches
from chargers.tags.models import Tag
from chargers.tags.services import adding
from chargers.tags.services.scope import TagScope
from cpms.common.errors import DomainError
from cpms.common.scripting import ScriptCommand, numbered, split_into_batches


class Command(ScriptCommand):
    help = "Add a tag (RFID card) to a team, or set status, expiry and stations of an existing one."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("value", metavar="VALUE", help="number of the tag; with --count it contains {n} or {n:06d}")
        parser.add_argument("--team", required=True, metavar="HANDLE")
        parser.add_argument("--status", default=Tag.Status.ACCEPTED, choices=Tag.Status.values)
        parser.add_argument(
            "--kind",
            default="",
            choices=Tag.Kind.values,
            help="for display only; if omitted, an existing tag keeps its kind",
        )
        parser.add_argument("--expires", metavar="ISO", help="a time like 2027-01-31T12:00:00Z; without zone: UTC")
        parser.add_argument(
            "--station",
            action="append",
            nargs="+",
            default=[],
            metavar="IDENTITY",
            help="valid at these stations only; may be given several times",
        )
        parser.add_argument(
            "--scope",
            default="",
            choices=Tag.Scope.values,
            help="where it is valid; if this and --station are omitted, an existing tag keeps its scope",
        )
        parser.add_argument("--count", type=int, metavar="N", help="add this many tags, n from 1 to N")

    def run(
        self,
        *,
        value: str,
        team: str,
        status: str,
        kind: str,
        expires: str | None,
        station: list[list[str]],
        scope: str,
        count: int | None,
        **options: Any,
    ) -> None:
        owner = find_team(team)
        values, expires_at = numbered(value, count), _moment(expires)
        stations = _stations(owner, [identity for some in station for identity in some])
        tags = [adding.NewTag(value=one, status=status, expires_at=expires_at, kind=kind) for one in values]
        wanted = TagScope(scope or Tag.Scope.SELECTED, stations=stations) if scope or stations else None
        added = batches.Added(0, 0)
        for batch in split_into_batches(tags):
            added += adding.add_tags(team=owner, tags=batch, scope=wanted)
        self.show(
            {"created": added.created, "updated": added.updated, "team": team, "tags": values},
            f"Added {added.created} tags, updated {added.updated}.",
        )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        sentence = _("“%(text)s” is not a valid time. Use the format 2027-01-31T12:00:00Z.") % {"text": text}
        raise DomainError(sentence, fields={"expires": sentence})
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _stations(team: Team, identities: list[str]) -> list[ChargingStation]:
    stations = list(ChargingStation.objects.filter(team=team, identity__in=identities))
    missing = set(identities) - {station.identity for station in stations}
    if missing:
        sentence = _("The team has no station %(names)s.") % {"names": ", ".join(sorted(missing))}
        raise DomainError(sentence, fields={"station": sentence})
    return stations

from typing import Any

from django.core.management.base import CommandParser

from accounts.teams.services import find_team
from chargers.onboarding.services import registration
from chargers.stations.models import ChargingStation
from chargers.stations.services import batches
from cpms.common.scripting import ScriptCommand, numbered, split_into_batches


class Command(ScriptCommand):
    help = "Add a station to a team, or set password, protocol and connectors of an existing one."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "identity", metavar="IDENTITY", help="identity of the station; with --count it contains {n} or {n:06d}"
        )
        parser.add_argument("--team", required=True, metavar="HANDLE")
        parser.add_argument("--password", required=True, help="for HTTP Basic; with --count {id} becomes the identity")
        parser.add_argument("--protocol", default=ChargingStation.Protocol.OCPP_16, help="OCPP version: 1.6")
        parser.add_argument("--connectors", type=int, default=2, metavar="NUMBER")
        parser.add_argument("--count", type=int, metavar="N", help="add this many stations, n from 1 to N")

    def run(
        self,
        *,
        identity: str,
        team: str,
        password: str,
        protocol: str,
        connectors: int,
        count: int | None,
        **options: Any,
    ) -> None:
        owner = find_team(team)
        identities = numbered(identity, count)
        stations = [
            registration.NewStation(
                identity=one,
                password=password if count is None else password.replace("{id}", one),
                protocol=protocol,
                connectors=connectors,
            )
            for one in identities
        ]
        added = batches.Added(0, 0)
        for batch in split_into_batches(stations):
            added += registration.add_stations(team=owner, stations=batch)
        self.show(
            {"created": added.created, "updated": added.updated, "team": team, "stations": identities},
            f"Added {added.created} stations, updated {added.updated}.",
        )

"""Runs simulated stations against any OCPP 1.6J endpoint."""

import asyncio
import contextlib
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ocpp_gateway.simulator.fleet import run_fleet
from ocpp_gateway.simulator.station import Drivers, Plan


class Command(BaseCommand):
    help = "Run simulated stations against an OCPP 1.6J endpoint until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("identity", help="may contain {n} or {n:06d} with --count")
        parser.add_argument("--password", required=True, help="may contain {id}")
        parser.add_argument("--url", default="ws://localhost:8000/ocpp")
        parser.add_argument("--count", type=int, default=1)
        parser.add_argument("--connectors", type=int, default=2)
        parser.add_argument(
            "--tag", action="append", default=[], help="a tag that its drivers use; without one, remote starts only"
        )
        parser.add_argument("--sample-seconds", type=float, default=10.0)

    def handle(self, *args: Any, **options: Any) -> None:
        drivers = Drivers(options["tag"]) if options["tag"] else None
        plans = []
        for number in range(1, options["count"] + 1):
            identity = options["identity"].format(n=number)
            plans.append(
                Plan(
                    identity=identity,
                    password=options["password"].format(id=identity),
                    connectors=options["connectors"],
                    drivers=drivers,
                    sample_seconds=options["sample_seconds"],
                )
            )
        self.stdout.write(f"{len(plans)} simulated station(s) connect to {options['url']}; press Ctrl-C to stop.")
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(run_fleet(options["url"], plans))

"""Run crash tests for a given time: `python -m tests.crash --minutes 10 --stations 100`."""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.crash.faults import EVERY_KIND, FULL_DISK, GATEWAY, shuffled
from tests.crash.run import DEVIATING_MESSAGES, Scenario, report, run_scenario


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--stations", type=int, default=100)
    parser.add_argument("--gateways", type=int, default=2)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", action="append", choices=[*EVERY_KIND, FULL_DISK], help="inject only these faults")
    parser.add_argument("--embedded", action="store_true", help="embedded mode: one process on SQLite")
    parser.add_argument(
        "--disk", type=int, default=0, metavar="MB", help="size of a disk for PostgreSQL that gets full; needs root"
    )
    parser.add_argument("--deviating", type=float, default=DEVIATING_MESSAGES, metavar="SHARE",
                        help="share of the messages of deviating stations that violate the schema")  # fmt: skip
    parser.add_argument("--keep", type=Path, help="keep data and logs in this folder")
    options = parser.parse_args()

    default_kinds = [GATEWAY] if options.embedded else [*EVERY_KIND, *([FULL_DISK] if options.disk else [])]
    selected = options.only or default_kinds

    def kinds(rng: random.Random) -> Iterator[str]:
        end = time.monotonic() + options.minutes * 60
        while True:
            for kind in shuffled(selected, rng):
                if time.monotonic() > end:
                    return
                yield kind

    scenario = Scenario("long run", options.stations, options.gateways, options.seed, pause=(2, 8))
    scenario.is_embedded, scenario.volume_megabytes = options.embedded, options.disk
    scenario.deviating_messages = options.deviating
    with tempfile.TemporaryDirectory(prefix="cpms-crash-") as folder:
        Path(folder).chmod(0o711)
        outcome = run_scenario(options.keep or Path(folder) / "var", scenario, kinds)
    report(outcome)
    return 0 if outcome.verdict.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())

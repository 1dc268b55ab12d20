"""A crash run for people: `python -m tests.crash --minutes 10 --stations 100`."""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.crash.faults import EVERY_KIND, FULL_DISK, GATEWAY, shuffled
from tests.crash.run import DEVIATING_MESSAGES, Shape, crash, write_down


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--stations", type=int, default=100)
    parser.add_argument("--gateways", type=int, default=2)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", action="append", choices=[*EVERY_KIND, FULL_DISK], help="these faults only")
    parser.add_argument("--embedded", action="store_true", help="one process on SQLite, which is killed")
    parser.add_argument("--disk", type=int, default=0, metavar="MB", help="a disk for PostgreSQL that gets full; root")
    parser.add_argument("--deviating", type=float, default=DEVIATING_MESSAGES, metavar="SHARE",
                        help="messages of deviating stations that do not fit the schema")  # fmt: skip
    parser.add_argument("--keep", type=Path, help="a folder for data and logs, which stay then")
    words = parser.parse_args()

    own = [GATEWAY] if words.embedded else [*EVERY_KIND, *([FULL_DISK] if words.disk else [])]
    wanted = words.only or own

    def kinds(chance: random.Random) -> Iterator[str]:
        end = time.monotonic() + words.minutes * 60
        while True:
            for kind in shuffled(wanted, chance):
                if time.monotonic() > end:
                    return
                yield kind

    shape = Shape("long run", words.stations, words.gateways, words.seed, pause=(2, 8))
    shape.is_embedded, shape.volume_megabytes = words.embedded, words.disk
    shape.deviating_messages = words.deviating
    with tempfile.TemporaryDirectory(prefix="cpms-crash-") as folder:
        Path(folder).chmod(0o711)
        outcome = crash(words.keep or Path(folder) / "var", shape, kinds)
    write_down(outcome)
    return 0 if outcome.verdict.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())

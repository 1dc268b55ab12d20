"""supervisord with a loop that checks its processes ten times a second: by default it takes up to a second."""

import sys

from supervisor import poller, supervisord

SECONDS = 0.1


class QuickPoller(poller.Poller):
    def poll(self, timeout: float) -> tuple[list[int], list[int]]:
        return super().poll(min(timeout, SECONDS))


if __name__ == "__main__":
    poller.Poller = QuickPoller
    sys.exit(supervisord.main())

"""The embedded mode as a stack with one part: `manage.py serve` on SQLite, restarted when it dies."""

from __future__ import annotations

from collections.abc import Callable

from tools.stack import HOST, PYTHON, ROOT, Stack, answers
from tools.supervise import Part

START_SECONDS = 30.0


class EmbeddedStack(Stack):
    """A stack whose only part is named like a gateway, so that the faults of gateways apply to it."""

    def settings(self) -> dict[str, str]:
        server_only = {"DATABASE_URL", "REDIS_URL"}
        return {name: value for name, value in super().settings().items() if name not in server_only}

    def parts(self) -> list[Part]:
        command = (PYTHON, str(ROOT / "manage.py"), "serve", "--host", HOST, "--port", str(self.gateway_port))
        return [Part("gateway-1", command, priority=1, env_file=str(self.environment_file))]

    def up(self, say: Callable[[str], None] = lambda text: None) -> None:
        self.var.mkdir(parents=True, exist_ok=True)
        self.write_environment()
        self.supervisor.configure(self.parts())
        try:
            self.process = self.supervisor.launch()
            self.supervisor.start("gateway-1")
            self._wait("gateway-1", lambda: answers(self.gateway_port), START_SECONDS, 4)
        except BaseException:
            self.down()
            raise

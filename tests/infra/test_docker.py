"""Ports that containers publish, and paths that the proxy forwards."""

import re
from pathlib import Path

import pytest

DOCKER = Path(__file__).resolve().parents[2] / "docker"


def ports(service: str, **env: str) -> str:
    """Return the published ports of a service after Compose has substituted variables."""
    text = (DOCKER / "compose.yaml").read_text()
    (line,) = re.findall(rf"^  {service}:.*?^    ports: \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    return re.sub(r"\$\{(\w+):\+(.*?)\}", lambda found: found[2] if env.get(found[1]) else "", line.strip('"'))


@pytest.mark.parametrize(("service", "port"), [("gateway", 9000), ("portal", 8000)])
def test_clear_text_ports_are_on_loopback_only_when_tls_is_on(service, port):
    assert ports(service, PUBLIC_HOST="cpms.example") == f"127.0.0.1:{port}:{port}"
    assert ports(service) == f"{port}:{port}"


def test_the_proxy_limits_bodies_and_half_open_requests():
    text = (DOCKER / "Caddyfile").read_text()
    assert "max_size 12MB" in text and text.count("import bodies") == 2  # in both sites
    assert int(re.search(r"read_header (\d+)s", text)[1]) <= 30

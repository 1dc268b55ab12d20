"""Run axe-core on a page and return its findings."""

from typing import Any

import pytest
from django.conf import settings

AXE = settings.BASE_DIR / "tests" / "clients" / "node_modules" / "axe-core" / "axe.min.js"
RUN = "async (rules) => (await axe.run(document, {resultTypes: ['violations'], ...rules})).violations"
COLOURS = {"runOnly": ["color-contrast"]}  # the only rule that depends on the colour scheme
GRAVE = {"serious", "critical"}


def faults(page: Any, rules: dict[str, Any] | None = None) -> list[str]:
    if not AXE.exists():
        pytest.fail("axe-core is needed: make clients")
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text())  # `evaluate` is not subject to the content security policy
    return [
        f"{found['id']}: {node['html'][:200]} {node['any'][0]['message'] if node['any'] else ''}".strip()
        for found in page.evaluate(RUN, rules or {})
        if found["impact"] in GRAVE
        for node in found["nodes"]
    ]

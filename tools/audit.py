"""Check the locked packages for known vulnerabilities. A finding fails the check; an unavailable service does not."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
# Seconds for a connection and for all requests together: a slow service must not hold up `make check`.
CONNECTION_TIMEOUT = 5
TOTAL_TIMEOUT = 90
EXPORT = ["export", "-q", "--frozen", "--all-groups", "--no-hashes", "--no-emit-project"]


def not_audited(reason: str) -> int:
    print(f"NOTE: packages were not checked for known vulnerabilities: {reason}")
    return 0


def report(dependencies: list[dict[str, Any]]) -> int:
    """Print the findings or the number of packages that the service does not know, and return the exit code."""
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    findings = [(each, flaw) for each in dependencies for flaw in each.get("vulns", [])]
    for package, flaw in findings:
        fixed = ", ".join(flaw["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {flaw['id']}, fixed in {fixed}")
    if skipped and not findings:
        return not_audited(f"the service does not know {len(skipped)} of {len(dependencies)} packages.")
    return 1 if findings else 0


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        locked = Path(folder) / "requirements.txt"
        subprocess.run([str(BIN / "uv"), *EXPORT, "-o", str(locked)], cwd=ROOT, check=True, capture_output=True)
        options = ["-r", str(locked), "--disable-pip", "--no-deps", "-f", "json", "--progress-spinner", "off"]
        try:
            done = subprocess.run(
                [str(BIN / "pip-audit"), *options, "--timeout", str(CONNECTION_TIMEOUT)],
                capture_output=True,
                text=True,
                timeout=TOTAL_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            return not_audited(f"the service took more than {TOTAL_TIMEOUT} seconds.")
    if done.stdout.startswith("{"):
        return report(json.loads(done.stdout)["dependencies"])
    if any(word in done.stderr for word in ("ConnectionError", "Could not connect", "timed out", "HTTPError")):
        return not_audited("the service is unavailable.")
    print(done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())

"""docs/performance.md from the figures of one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.measuring import Load, percentile

if TYPE_CHECKING:
    from tools.bench.__main__ import Figures

HEAD = """# Performance

Written by `make bench`. Everything runs on one machine: load generator, PostgreSQL (fsync and synchronous_commit on),
Redis (AOF), gateway, worker. Machines are noisy; compare figures of one run with the bare echo of the same run only.

The message mix: 90 % MeterValues with four sampled values (about 600 bytes), 9 % StatusNotification, 1 %
StartTransaction and StopTransaction. A message counts when it is answered, and it is answered when it is committed. The
full load is closed: each station has one call open and sends the next when it is answered.
"""


def write(figures: Figures, path: Path) -> None:
    lines = [HEAD, f"Machine: {figures.machine}. Run of {figures.began}.", ""]
    lines += _table_full(figures) + _table_half(figures) + _table_cpu(figures) + _rest(figures)
    path.write_text("\n".join(lines) + "\n")


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _table_full(figures: Figures) -> list[str]:
    lines = ["## As many messages as go", ""]
    lines += [_row("connections", "bare echo msgs/s", "msgs/s", "ratio", "p50 ms", "p99 ms", "inbox empty after")]
    lines += [_row(*["---"] * 7)]
    for count, load in figures.full.items():
        echo = figures.echo[count].per_second
        lines.append(
            _row(
                f"{count:,}",
                f"{echo:,.0f}",
                f"{load.per_second:,.0f}",
                f"{load.per_second / echo:.2f}",
                f"{load.latency_ms(0.5):.1f}",
                f"{load.latency_ms(0.99):.1f}",
                f"{figures.left_seconds[count]:.1f} s",
            )
        )
    return [*lines, ""]


def _table_half(figures: Figures) -> list[str]:
    lines = ["## At half of that load", ""]
    lines += [_row("connections", "msgs/s", "p50 ms", "p99 ms", "lag until the rows show it, p50 ms", "p99 ms")]
    lines += [_row(*["---"] * 6)]
    for count, load in figures.half.items():
        lags = load.lags_seconds
        lines.append(
            _row(
                f"{count:,}",
                f"{load.per_second:,.0f}",
                f"{load.latency_ms(0.5):.1f}",
                f"{load.latency_ms(0.99):.1f}",
                f"{percentile(lags, 0.5) * 1000:.0f}",
                f"{percentile(lags, 0.99) * 1000:.0f}",
            )
        )
    return [*lines, ""]


def _table_cpu(figures: Figures) -> list[str]:
    parts = ("gateway-1", "postgres", "worker", "redis")
    lines = ["## Processor time per message (us)", ""]
    lines += [_row("load", "gateway", "PostgreSQL", "worker", "Redis", "together", "load generator")]
    lines += [_row(*["---"] * 7)]
    for name, loads in (("full", figures.full), ("half", figures.half)):
        for count, load in loads.items():
            each = [load.cpu_us(part) for part in parts]
            lines.append(
                _row(f"{name}, {count:,}", *(f"{value:.0f}" for value in each), f"{sum(each):.0f}", _client(load))
            )
    return [*lines, ""]


def _client(load: Load) -> str:
    return f"{load.client_cpu_seconds * 1e6 / max(1, load.answered):.0f}"


def _rest(figures: Figures) -> list[str]:
    embedded = figures.embedded
    faults = sum(load.errors + load.lost_links for load in [*figures.full.values(), *figures.half.values()])
    return [
        "## Others",
        "",
        _row("figure", "measured"),
        _row("---", "---"),
        _row(f"memory per idle connection, {figures.idle_count:,} connections", f"{figures.idle_kib:.1f} KiB"),
        _row("1,000 stations booted again after SIGKILL of the gateway", f"{figures.restart_seconds:.1f} s"),
        _row("the same from the moment the port was open again", f"{figures.restart_port_seconds:.1f} s"),
        _row("embedded mode (SQLite, one process), 200 stations", f"{embedded.per_second:,.0f} msgs/s"),
        _row("its answers, p50 / p99", f"{embedded.latency_ms(0.5):.0f} / {embedded.latency_ms(0.99):.0f} ms"),
        _row("CALLERRORs and lost links under all loads", faults),
    ]


def write_pages(figures, path):
    pass

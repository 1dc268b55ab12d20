"""Write docs/performance.md from the figures of a run. Separate runs write its two parts: messages and pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.measuring import Load, percentile

if TYPE_CHECKING:
    from tools.bench.__main__ import Figures
    from tools.bench.pages import PageFigures, Timing

LIMIT_MS = 200  # a page's p95

HEAD = """# Performance

Written by `make bench`. Everything runs on one machine: load generator, PostgreSQL (fsync and synchronous_commit on),
Redis (AOF), gateway, worker. Machines are noisy; compare figures only with the bare echo of the same run.

The message mix: 90 % MeterValues with four sampled values (about 600 bytes), 9 % StatusNotification, 1 %
StartTransaction and StopTransaction. Messages are counted when they are answered, which is after they are committed. At
full load each station sends the next call as soon as the previous one is answered.
"""


def write(figures: Figures, path: Path) -> None:
    lines = [HEAD, f"Machine: {figures.machine}. Run of {figures.started}.", ""]
    lines += _table_full(figures) + _table_half(figures) + _table_cpu(figures) + _rest(figures)
    pages = _existing_part(path, before=False)
    path.write_text("\n".join(lines) + "\n" + (f"\n{pages}" if pages else ""))


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _table_full(figures: Figures) -> list[str]:
    lines = ["## Full load", ""]
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
                f"{figures.drain_seconds[count]:.1f} s",
            )
        )
    return [*lines, ""]


def _table_half(figures: Figures) -> list[str]:
    lines = ["## Half load", ""]
    lines += [_row("connections", "msgs/s", "p50 ms", "p99 ms", "lag until applied, p50 ms", "p99 ms")]
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
    parts = ("gateway-1", "postgres", "worker-ledger", "redis")
    lines = ["## CPU time per message (us)", ""]
    lines += [_row("load", "gateway", "PostgreSQL", "worker", "Redis", "total", "load generator")]
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
        "## Other figures",
        "",
        _row("figure", "measured"),
        _row("---", "---"),
        _row(f"memory per idle connection, {figures.idle_count:,} connections", f"{figures.idle_kib:.1f} KiB"),
        _row("1,000 stations booted again after SIGKILL of the gateway", f"{figures.restart_seconds:.1f} s"),
        _row("the same since the port was open again", f"{figures.restart_port_seconds:.1f} s"),
        _row("embedded mode (SQLite, one process), 200 stations", f"{embedded.per_second:,.0f} msgs/s"),
        _row("its latency, p50 / p99", f"{embedded.latency_ms(0.5):.0f} / {embedded.latency_ms(0.99):.0f} ms"),
        _row("CALLERRORs and lost connections under all loads", faults),
    ]


# --- pages --------------------------------------------------------------------------------------------------------

PAGES_HEAD = """# Pages and exports

Written by `make bench ARGS="--pages"`: a big park in a private PostgreSQL (256 MB of shared buffers), with requests to
the portal's server one after another on a persistent connection. Times are from the request to the last byte. Each page
is requested with its filters, searches, sort orders and high page numbers, so p95 shows expensive queries rather than
chance. Staff sees all teams; *big* belongs to a team with 3,000 stations, *small* to one with six, *quiet* to one with
four that have been offline for weeks, *several* to four teams with 580 stations in total.
"""


def write_pages(figures: PageFigures, path: Path) -> None:
    path.write_text(f"{_existing_part(path, before=True).rstrip()}\n\n{_pages(figures)}\n")


def _existing_part(path: Path, *, before: bool) -> str:
    """Return the part of the existing report before the pages, or that about the pages."""
    text = path.read_text() if path.exists() else ""
    first, heading, second = text.partition(PAGES_HEAD.splitlines()[0] + "\n")
    return first if before else heading + second


def _pages(figures: PageFigures) -> str:
    rows = ", ".join(f"{count:,} {name}" for name, count in figures.counts.items())
    lines = [PAGES_HEAD, f"Machine: {figures.machine}. Run of {figures.started}, load average {figures.load}.", ""]
    lines += [f"Data: {rows}; {figures.gigabytes:.0f} GiB.", ""]
    roles = list(dict.fromkeys(timing.role for timing in figures.timings))
    lines += [_row("p50 / p95 ms", *roles), _row(*["---"] * (len(roles) + 1))]
    by_page: dict[str, dict[str, Timing]] = {}
    for timing in figures.timings:
        by_page.setdefault(timing.page, {})[timing.role] = timing
    for page, timings in by_page.items():
        cells = [f"{t.at(0.5):.0f} / {t.at(0.95):.0f}" if (t := timings.get(role)) else "" for role in roles]
        lines.append(_row(page, *cells))
    requests = sum(len(timing.times_ms) for timing in figures.timings)
    slow = [timing for timing in figures.timings if timing.at(0.95) > LIMIT_MS]
    lines += ["", f"{requests:,} requests. Above {LIMIT_MS} ms at p95: {len(slow)} of {len(figures.timings)}."]
    lines += [f"- {t.role}, {t.page}: {t.at(0.95):.0f} ms, `{t.worst}` {max(t.times_ms):.0f} ms" for t in slow]
    lines += [
        "",
        _row("export of sessions", "rows", "rows/s", "portal's CPU us/row", "first byte", "memory above base"),
    ]
    lines += [_row(*["---"] * 6)]
    for export in figures.exports:
        memory, first_byte = export.peak_mib - export.base_mib, export.first_byte_seconds
        lines.append(
            _row(
                export.kind,
                f"{export.rows:,}",
                f"{export.per_second:,.0f}",
                f"{export.cpu_us:.0f}",
                f"{first_byte:.1f} s",
                f"{memory:.0f} MiB",
            )
        )
    return "\n".join(lines)

"""The sessions as the simulated stations recorded them, and their comparison with those that the system stored."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
UNAUTHORISED, OFFLINE = "unauthorised", "offline"


@dataclass
class Entry:
    """One session as its station recorded it. Times are the station's, as text with milliseconds."""

    station: str
    connector: int
    id_tag: str
    start: str
    meter_start_wh: int
    is_known_tag: bool
    transaction_id: int | None = None  # from the answer
    stop: str | None = None
    meter_stop_wh: int | None = None
    register_wh: int = 0  # latest sample
    is_start_answered: bool = False
    is_stop_answered: bool = False
    is_late: bool = False  # its start or end was answered minutes after it happened
    samples_sent: int = 0  # distinct sampled values
    samples_answered: int = 0

    @property
    def energy_wh(self) -> int:
        last = self.meter_stop_wh if self.meter_stop_wh is not None else self.register_wh
        return last - self.meter_start_wh

    @property
    def name(self) -> str:
        return f"{self.station}/{self.connector} {self.start} (transaction {self.transaction_id})"


@dataclass
class Verdict:
    """The differences that were found; all lists are empty if there are none."""

    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.double or self.wrong or self.samples or self.other)

    def lines(self) -> list[str]:
        return [f"{name}: {text}" for name, texts in vars(self).items() for text in texts[:20]]


def compare(entries: list[Entry], rows: list[Row]) -> Verdict:
    """Check that everything the system confirmed is stored, and that nothing is stored that no station sent."""
    verdict = Verdict()
    by_key: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        by_key[row["station"], row["connector"], row["start"]].append(row)
    for entry in entries:
        found = by_key.pop((entry.station, entry.connector, entry.start), [])
        if not found:
            if entry.is_start_answered:
                verdict.lost.append(f"{entry.name} is missing")
            continue
        if len(found) > 1:
            verdict.double.append(f"{entry.name} is stored {len(found)} times: {found}")
        _compare_one(entry, found[0], verdict)
    verdict.double += [f"no station knows {row}" for rows_left in by_key.values() for row in rows_left]
    numbers = Counter(row["transaction_id"] for row in rows)
    verdict.double += [
        f"transaction {number} is stored {times} times" for number, times in numbers.items() if times > 1
    ]
    return verdict


def _compare_one(entry: Entry, row: Row, verdict: Verdict) -> None:
    if entry.is_stop_answered and row["stop"] is None:
        verdict.lost.append(f"the end of {entry.name}")
        return
    expected = {
        "transaction_id": entry.transaction_id,
        "id_tag": entry.id_tag,
        "meter_start_wh": entry.meter_start_wh,
        "stop": entry.stop,
        "meter_stop_wh": entry.meter_stop_wh,
        "energy_wh": entry.energy_wh,
        "state": "open" if entry.stop is None else "completed",
    }
    for name, value in expected.items():
        if row[name] != value:
            verdict.wrong.append(f"{entry.name}: {name} is {row[name]!r}, the station has {value!r}")
    flags = set(row["flags"]) - ({OFFLINE} if entry.is_late else set())
    if flags != (set() if entry.is_known_tag else {UNAUTHORISED}):
        verdict.wrong.append(f"{entry.name}: its flags are {row['flags']}")
    if not entry.samples_answered <= row["samples"] <= entry.samples_sent:
        verdict.samples.append(
            f"{entry.name}: {row['samples']} samples, answered {entry.samples_answered} of {entry.samples_sent}"
        )

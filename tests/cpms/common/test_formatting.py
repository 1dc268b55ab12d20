"""Formatting of numbers and times for users."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone, translation

from cpms.common.web import formatting
from cpms.common.web.export import file_value


@pytest.mark.parametrize(
    ("wh", "shown"), [(35_135, "35.14"), (35_134, "35.13"), (0, "0.00"), (4_776_390, "4,776.39"), (None, "\u2013")]
)
def test_energy_is_kwh_with_two_decimals_rounded_half_up(wh, shown):
    """W90."""
    assert formatting.kwh(wh) == shown


def test_german_figures_have_german_marks():
    with translation.override("de"):
        assert formatting.kwh(4_776_390) == "4.776,39"


@pytest.mark.parametrize(
    ("seconds", "table", "words"),
    [
        (48, "0:0:0:48", "48 s"),
        (184 * 60 + 57, "0:3:4:57", "3 h 04 min"),
        (90_000, "1:1:0:0", "1 d 1 h"),
        (125, "0:0:2:5", "2 min 05 s"),
        (-5, "0:0:0:0", "0 s"),
    ],
)
def test_durations(seconds, table, words):
    """W90."""
    assert formatting.dhms(timedelta(seconds=seconds)) == table
    assert formatting.duration_text(timedelta(seconds=seconds)) == words


@time_machine.travel(datetime(2026, 11, 21, 13, 0, tzinfo=UTC), tick=False)
def test_times_are_short_today_and_name_their_zone_on_hover():
    with timezone.override("Europe/Berlin"):
        now = timezone.now()
        assert ">13:30</time>" in formatting.moment(now - timedelta(minutes=30))
        assert "CET · 30 min ago" in formatting.moment(now - timedelta(minutes=30))
        assert ">20 Nov 14:00</time>" in formatting.moment(now - timedelta(days=1))
        assert ">21 Nov 2025 14:00</time>" in formatting.moment(now - timedelta(days=365))
        assert 'title="Never happened."' in formatting.moment(None, never="Never happened.")


@pytest.mark.parametrize(
    ("ms", "shown"), [(None, "not measured yet"), (400, "in sync (0.4 s)"), (-90_000, "1 min 30 s slow")]
)
def test_clocks_in_words(ms, shown):
    assert formatting.clock_text(ms) == shown


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"), ("@x", "'@x"), ("\tx", "'\tx"), ("\rx", "'\rx"), ("-x", "'-x"),
        ("+1e3", "+1e3"), ("-5", "-5"),
        ("+inf", "'+inf"), (None, ""), (True, 1), (Decimal("1.5"), Decimal("1.5")), ("a\x00b", "ab"),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(value, cell):
    assert file_value(value, UTC) == cell

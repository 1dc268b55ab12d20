"""Where and when a tag is valid (W77, B18): at all stations or a selection, and in weekly time windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access.rights import Role
from accounts.models import AuditEntry, Membership, Team, User
from chargers.groups.services.groups import delete_group
from chargers.models import ChargingStation, StationGroup, Tag
from chargers.tags.services import adding, windows
from chargers.tags.services.authorization import authorize_tag
from chargers.tags.services.editing import save_tag
from chargers.tags.services.scope import TagScope
from cpms.common.errors import DomainError
from tests import factories

pytestmark = pytest.mark.django_db
VALUE = "04A1B2C3"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def inside(team: Team) -> Any:
    return factories.StationFactory.create(team=team, installation=factories.InstallationFactory.create(team=team))


@pytest.fixture
def elsewhere(team: Team) -> Any:
    return factories.StationFactory.create(team=team, installation=factories.InstallationFactory.create(team=team))


@pytest.fixture
def group(operator: User, inside: Any) -> StationGroup:
    group = StationGroup.objects.create(user=operator, name="Car park")
    group.stations.add(inside)
    return group


def reason(station: ChargingStation, at: datetime | None = None, value: str = VALUE) -> str:
    verdict = authorize_tag(station=station, value=value, at=at)
    assert verdict.is_accepted == (verdict.reason == "")
    return verdict.reason


def selection(name: str, station: ChargingStation, group: StationGroup) -> TagScope:
    chosen: dict[str, Any] = {"stations": [station], "installations": [station.installation], "groups": [group]}
    return TagScope(Tag.Scope.SELECTED, **{name: chosen[name]})


@pytest.mark.parametrize("name", ["stations", "installations", "groups"])
def test_a_selection_includes_its_stations_only(
    name: str, operator: User, team: Team, inside: Any, elsewhere: Any, group: StationGroup
) -> None:
    save_tag(actor=operator, team=team, value=VALUE, scope=selection(name, inside, group))
    assert (reason(inside, value=VALUE.lower()), reason(elsewhere)) == ("", "place")
    assert list(Tag.objects.in_scope_at(inside)) == list(Tag.objects.all())
    assert not Tag.objects.in_scope_at(elsewhere)


@pytest.mark.parametrize("name", ["stations", "installations", "groups"])
def test_a_selection_that_loses_its_last_entry_is_valid_nowhere(
    name: str, operator: User, team: Team, inside: Any, elsewhere: Any, group: StationGroup
) -> None:
    tag = save_tag(actor=operator, team=team, value=VALUE, scope=selection(name, inside, group))
    getattr(tag, name).clear()
    assert (reason(inside), reason(elsewhere)) == ("place", "place")


def test_a_station_that_moves_to_another_installation_leaves_the_scope(
    operator: User, team: Team, inside: Any, elsewhere: Any, group: StationGroup
) -> None:
    save_tag(actor=operator, team=team, value=VALUE, scope=selection("installations", inside, group))
    ChargingStation.objects.filter(pk=inside.pk).update(installation=elsewhere.installation)
    assert reason(inside) == "place"


@pytest.mark.parametrize("change", ["demoted", "left", "deleted"])
def test_a_group_counts_only_while_its_user_may_edit_tags(
    change: str, operator: User, team: Team, inside: Any, group: StationGroup
) -> None:
    save_tag(actor=operator, team=team, value=VALUE, scope=selection("groups", inside, group))
    match change:
        case "demoted":
            Membership.objects.filter(user=operator).update(role=Role.VIEWER)
        case "left":
            Membership.objects.filter(user=operator).delete()
        case "deleted":
            StationGroup.objects.all().delete()
    assert reason(inside) == "place"


def test_a_group_in_the_scope_of_a_tag_cannot_be_deleted(
    operator: User, team: Team, inside: Any, group: StationGroup, page: Any, api: Any
) -> None:
    tag = save_tag(actor=operator, team=team, value=VALUE, label="Van", scope=selection("groups", inside, group))
    with pytest.raises(DomainError, match="Van"):
        delete_group(group=group)
    assert "Van" in page.post(f"/groups/{group.pk}/delete/", follow=True).content.decode()
    assert api(operator).delete(f"/api/v1/groups/{group.pk}/").status_code == 400
    tag.groups.clear()
    delete_group(group=group)
    assert reason(inside) == "place"


def test_what_cannot_be_selected(operator: User, viewer: User, team: Team, other_team: Team, inside: Any) -> None:
    foreign: Any = factories.StationFactory.create(
        team=other_team, installation=factories.InstallationFactory.create(team=other_team)
    )
    of_viewer = StationGroup.objects.create(user=viewer, name="Mine")
    for field, scope in {
        "stations": TagScope("selected", stations=[inside, foreign]),
        "installations": TagScope("selected", installations=[foreign.installation]),
        "groups": TagScope("selected", groups=[of_viewer]),
        "scope": TagScope("all", stations=[inside]),
    }.items():
        with pytest.raises(DomainError) as error:
            save_tag(actor=operator, team=team, value=VALUE, scope=scope)
        assert list(error.value.fields) == [field]
    assert not Tag.objects.exists()


def test_editing_and_importing_without_a_scope_never_widens_a_tag(
    operator: User, team: Team, inside: Any, elsewhere: Any, group: StationGroup
) -> None:
    tag = save_tag(actor=operator, team=team, value=VALUE, scope=selection("stations", inside, group))
    save_tag(actor=operator, team=team, tag=tag, value=VALUE, label="Van")
    adding.add_tag(team=team, value=VALUE)
    assert (reason(inside), reason(elsewhere)) == ("", "place")
    adding.add_tag(team=team, value=VALUE, scope=TagScope("selected", installations=[elsewhere.installation]))
    assert (reason(inside), reason(elsewhere)) == ("place", "")
    adding.add_tag(team=team, value=VALUE, scope=TagScope())
    assert (reason(inside), reason(elsewhere)) == ("", "")
    assert not tag.installations.exists()


def test_the_audit_log_records_scope_and_windows(operator: User, team: Team, inside: Any, group: StationGroup) -> None:
    tag = save_tag(actor=operator, team=team, value=VALUE)
    save_tag(
        actor=operator,
        team=team,
        tag=tag,
        value=VALUE,
        scope=selection("installations", inside, group),
        time_windows=[{"days": [1], "from": "07:00", "to": "19:00"}],
    )
    changed = {key for entry in AuditEntry.objects.filter(object_id=tag.pk) for key in entry.changes}
    assert {"scope", "installations", "time_windows"} <= changed


def test_a_tag_is_refused_before_it_is_valid(operator: User, team: Team, inside: Any) -> None:
    now = timezone.now()
    save_tag(actor=operator, team=team, value=VALUE, valid_from=now)
    assert (reason(inside, now), reason(inside, now - timedelta(seconds=1))) == ("", "not_yet")
    with pytest.raises(DomainError) as error:
        save_tag(actor=operator, team=team, value="2", valid_from=now, expires_at=now)
    assert list(error.value.fields) == ["expires_at"]


WORKDAYS = {"days": [1, 2, 3, 4, 5], "from": "07:00", "to": "19:00"}
NIGHT = {"days": [5], "from": "22:00", "to": "06:00"}  # Friday to Saturday
WHOLE_SUNDAY = {"days": [7], "from": "00:00", "to": "00:00"}
EVENING = {"days": [1], "from": "20:00", "to": "00:00"}
SUNDAY_NIGHT = {"days": [7], "from": "01:30", "to": "02:30"}


@pytest.mark.parametrize(
    ("window", "at", "expected"),
    [
        (WORKDAYS, "2026-11-27 07:00", True),  # a Friday
        (WORKDAYS, "2026-11-27 06:59", False),
        (WORKDAYS, "2026-11-27 18:59", True),
        (WORKDAYS, "2026-11-27 19:00", False),
        (WORKDAYS, "2026-11-28 12:00", False),
        (NIGHT, "2026-11-27 22:00", True),
        (NIGHT, "2026-11-28 05:59", True),
        (NIGHT, "2026-11-28 06:00", False),
        (NIGHT, "2026-11-28 22:00", False),
        (NIGHT, "2026-11-27 05:00", False),
        (WHOLE_SUNDAY, "2026-11-29 00:00", True),
        (WHOLE_SUNDAY, "2026-11-29 23:59", True),
        (WHOLE_SUNDAY, "2026-11-30 00:00", False),
        (EVENING, "2026-11-30 23:59", True),
        (EVENING, "2026-12-01 00:00", False),
    ],
)
def test_windows_follow_the_clock_of_the_place(window: Any, at: str, expected: bool) -> None:
    local = datetime.fromisoformat(at).replace(tzinfo=BERLIN)
    assert windows.is_within([window], local.astimezone(UTC), BERLIN) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-29T00:29:00Z", False),  # 01:29
        ("2026-03-29T00:59:00Z", True),  # 01:59; a minute later it is 03:00
        ("2026-03-29T01:00:00Z", False),
        ("2026-10-24T23:30:00Z", True),  # 01:30 summer time
        ("2026-10-25T00:29:00Z", True),  # 02:29 summer time
        ("2026-10-25T00:30:00Z", False),
        ("2026-10-25T01:00:00Z", True),  # 02:00 again, winter time
        ("2026-10-25T01:30:00Z", False),
    ],
)
def test_windows_on_days_when_the_clock_changes(at: str, expected: bool) -> None:
    assert windows.is_within([SUNDAY_NIGHT], datetime.fromisoformat(at), BERLIN) is expected


@pytest.mark.parametrize("scope", ["all", "selected here", "selected elsewhere"])
@pytest.mark.parametrize("window", ["none", "open", "closed"])
@pytest.mark.parametrize("when", ["now", "offline"])
def test_scope_and_windows_together(
    scope: str,
    window: str,
    when: str,
    operator: User,
    team: Team,
    inside: Any,
    elsewhere: Any,
) -> None:
    """The time of a session that was recorded offline decides, not the time of its arrival."""
    at = timezone.now() - timedelta(days=3, hours=5) if when == "offline" else timezone.now()
    local = at.astimezone(BERLIN)
    today = {"days": [local.isoweekday()], "from": f"{local:%H:%M}", "to": f"{local + timedelta(minutes=2):%H:%M}"}
    other = {**today, "days": [local.isoweekday() % 7 + 1]}
    places = {
        "all": TagScope(),
        "selected here": TagScope("selected", installations=[inside.installation]),
        "selected elsewhere": TagScope("selected", stations=[elsewhere]),
    }
    chosen = {"none": [], "open": [other, today], "closed": [other]}
    save_tag(actor=operator, team=team, value=VALUE, scope=places[scope], time_windows=chosen[window])
    expected = "place" if scope == "selected elsewhere" else "hours" if window == "closed" else ""
    with CaptureQueriesContext(connection) as queries:
        assert reason(inside, at if when == "offline" else None) == expected
    assert len(queries) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        "x",
        [{"days": [1], "from": "07:00"}],
        [{"days": [], "from": "07:00", "to": "19:00"}],
        [{"days": [8], "from": "07:00", "to": "19:00"}],
        [{"days": [True], "from": "07:00", "to": "19:00"}],
        [{"days": [1], "from": "7:00", "to": "19:00"}],
        [{"days": [1], "from": "24:00", "to": "19:00"}],
        [{"days": [1], "from": "07:00", "to": None}],
        [WORKDAYS] * 21,
    ],
)
def test_wrong_windows_are_refused(wrong: Any, operator: User, team: Team) -> None:
    with pytest.raises(DomainError) as error:
        save_tag(actor=operator, team=team, value=VALUE, time_windows=wrong)
    assert list(error.value.fields) == ["time_windows"]


def test_windows_as_a_cell_of_a_file() -> None:
    stored = windows.windows_from_text("1-3,5 07:00-19:00 | 7 00:00-24:00")
    assert stored == [{"days": [1, 2, 3, 5], "from": "07:00", "to": "19:00"}, WHOLE_SUNDAY]
    assert windows.windows_from_text(windows.windows_as_text(stored)) == stored
    with pytest.raises(DomainError):
        windows.windows_from_text("Mo 7-19")

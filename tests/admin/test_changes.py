"""What support staff does in the admin: the rules are the services', and what stations reported stays."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse

from accounts.models import ApiToken, AuditEntry, User
from accounts.programs.services.programs import add_program
from accounts.programs.services.tokens import issue_api_token
from chargers.models import ChargingStation, Tag
from cpms.common.web import admin as bricks
from cpms.common.web.admin import BoundedPaginator
from maintenance.models import InboxEntry
from sessions.models import ChargingSession
from tests import factories

STATIONS = "admin:chargers_chargingstation"
NO_CONNECTORS = {"connectors-TOTAL_FORMS": 0, "connectors-INITIAL_FORMS": 0}
NO_MEMBERSHIPS = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}


def errors(answer):
    return answer.context["errors"]


def test_a_station_is_added_with_its_password_and_connectors(office, team):
    body = {
        "identity": "CP-1",
        "team": team.pk,
        "name": "",
        "protocol": "1.6",
        "new_password": "geheim",
        "number_of_connectors": 3,
    }
    answer = office.post(reverse(f"{STATIONS}_add"), body)
    assert answer.status_code == 302, errors(answer)
    station = ChargingStation.objects.get()
    assert (station.password, station.connectors.count()) == (b"geheim", 3)


@pytest.mark.parametrize(
    "wrong",
    [{"identity": "a\tb"}, {"identity": " "}, {"new_password": ""}, {"team": ""}, {"number_of_connectors": 999}],
)
def test_a_station_that_cannot_be_is_refused_at_its_field(office, team, wrong):
    body = {
        "identity": "CP",
        "team": team.pk,
        "protocol": "1.6",
        "new_password": "p",
        "number_of_connectors": 1,
    } | wrong
    answer = office.post(reverse(f"{STATIONS}_add"), body)
    assert answer.status_code == 200
    assert next(iter(wrong)) in answer.context["adminform"].form.errors
    assert not ChargingStation.objects.exists()


def test_a_stations_password_is_set_but_never_shown(office, station):
    path = reverse(f"{STATIONS}_change", args=[station.pk])
    station.password = b"the-old-secret"
    station.save()
    page = office.get(path).content
    assert b"the-old-secret" not in page
    body = {"team": station.team_id, "name": "", "protocol": "1.6", "registration": "accepted"} | NO_CONNECTORS
    assert office.post(path, body).status_code == 302
    station.refresh_from_db()
    assert station.password == b"the-old-secret"
    assert office.post(path, body | {"new_password": "the-new-secret"}).status_code == 302
    station.refresh_from_db()
    assert station.password == b"the-new-secret"
    assert b"the-new-secret" not in office.get(path).content


def test_staff_set_what_a_connector_can_deliver(office, station, connector):
    """V32, as far as the ledger needs it."""
    body = {"team": station.team_id, "name": "", "protocol": "1.6", "registration": "accepted"} | {
        "connectors-TOTAL_FORMS": "1", "connectors-INITIAL_FORMS": "1", "connectors-0-id": connector.pk,
        "connectors-0-station": station.pk, "connectors-0-number": connector.number,
        "connectors-0-max_power_w": "22000"}  # fmt: skip
    path = reverse(f"{STATIONS}_change", args=[station.pk])
    assert office.post(path, body | {"connectors-0-max_power_w": "-1"}).status_code == 200
    assert office.post(path, body).status_code == 302
    connector.refresh_from_db()
    assert connector.max_power_w == 22_000


def test_staff_can_lower_a_stations_security_profile_and_the_audit_log_says_so(office, station):
    """T7: the way back when a station was set to TLS and cannot reach us by it."""
    ChargingStation.objects.update(security_profile=2)
    path = reverse(f"{STATIONS}_change", args=[station.pk])
    body = {"team": station.team_id, "name": "", "protocol": "1.6", "registration": "accepted"} | NO_CONNECTORS
    assert "security_profile" in office.post(path, body | {"security_profile": "4"}).context["adminform"].form.errors
    assert office.post(path, body | {"security_profile": ""}).status_code == 302
    station.refresh_from_db()
    assert station.security_profile is None
    entry = AuditEntry.objects.filter(object_id=station.pk, action=AuditEntry.Action.UPDATE).latest("pk")
    assert entry.changes == {"security_profile": ["2", "None"]} and entry.actor is not None


@pytest.mark.parametrize("kept", ["revealable", "show_once"])
def test_a_station_from_the_pool_gets_a_password_that_is_shown_once(office, team, kept):
    team.station_passwords = kept
    team.save()
    station = factories.StationFactory(team=None, password=None, registration="pending")
    path = reverse(f"{STATIONS}_change", args=[station.pk])
    body = {"team": team.pk, "name": "Row 1", "protocol": "1.6", "registration": "pending"} | NO_CONNECTORS
    page = office.post(path, body)
    assert page.status_code == 200 and "no-store" in page["Cache-Control"]
    (password,) = re.findall(r"<code[^>]*>([0-9a-f]{40})</code>", page.content.decode())
    station.refresh_from_db()
    assert (station.team, station.name) == (team, "Row 1")
    if kept == "revealable":
        assert station.password == password.encode()
    else:
        assert station.password is None and station.password_hash
    assert password not in office.get(path).content.decode()


def test_a_station_from_the_pool_gets_the_password_that_is_given(office, team):
    station = factories.StationFactory(team=None, password=None)
    body = {"team": team.pk, "name": "", "protocol": "1.6", "registration": "pending"} | NO_CONNECTORS
    path = reverse(f"{STATIONS}_change", args=[station.pk])
    assert office.post(path, body | {"new_password": "given-by-staff"}).status_code == 302
    station.refresh_from_db()
    assert (station.team, station.password) == (team, b"given-by-staff")


def test_a_password_set_in_the_admin_ends_an_open_change(office, station):
    ChargingStation.objects.update(next_password=b"told", next_password_message_id="m")
    path = reverse(f"{STATIONS}_change", args=[station.pk])
    body = {"team": station.team_id, "name": "", "protocol": "1.6", "registration": "accepted"} | NO_CONNECTORS
    assert "can sign in with either" in office.get(path).content.decode()
    assert office.post(path, body).status_code == 302
    station.refresh_from_db()
    assert station.is_password_open
    assert office.post(path, body | {"new_password": "by-hand"}).status_code == 302
    station.refresh_from_db()
    assert (station.password, station.next_password, station.is_password_open) == (b"by-hand", None, False)


def test_a_station_without_a_password_is_told_from_one_with(office, station):
    path = reverse(f"{STATIONS}_change", args=[station.pk])
    ChargingStation.objects.update(password=None)
    assert "the station cannot sign in" in office.get(path).content.decode()
    ChargingStation.objects.update(password_hash="x")
    assert "only its hash is stored" in office.get(path).content.decode()


def test_a_team_chooses_what_is_kept_of_passwords(office, team):
    body = {"name": team.name, "handle": team.handle, "station_passwords": "show_once"}
    answer = office.post(reverse("admin:accounts_team_change", args=[team.pk]), body)
    assert answer.status_code == 302, errors(answer)
    team.refresh_from_db()
    assert team.station_passwords == "show_once"


def test_what_a_gateway_wrote_meanwhile_is_not_written_over(office, station, monkeypatch):
    from chargers.onboarding.admin import StationForm

    save = StationForm.save

    def connect_in_between(form, commit=True):
        ChargingStation.objects.update(epoch=77, vendor="Maker 2")
        return save(form, commit)

    monkeypatch.setattr(StationForm, "save", connect_in_between)
    body = {"team": station.team_id, "name": "New", "protocol": "1.6", "registration": "accepted"} | NO_CONNECTORS
    answer = office.post(reverse(f"{STATIONS}_change", args=[station.pk]), body)
    assert answer.status_code == 302
    station.refresh_from_db()
    assert (station.name, station.epoch, station.vendor) == ("New", 77, "Maker 2")


def test_what_the_ledger_names_is_not_deleted(office, session):
    for path in (
        reverse(f"{STATIONS}_delete", args=[session.station_id]),
        reverse("admin:accounts_team_delete", args=[session.team_id]),
        reverse("admin:charging_sessions_chargingsession_delete", args=[session.pk]),
    ):
        assert office.post(path, {"post": "yes"}).status_code == 403
    assert ChargingSession.objects.exists()


def test_a_station_that_never_charged_may_go(office, station):
    assert office.post(reverse(f"{STATIONS}_delete", args=[station.pk]), {"post": "yes"}).status_code == 302
    assert not ChargingStation.objects.exists()


def test_a_person_is_added_and_gets_a_new_password(office, team):
    body = {
        "email": "New@Example.org",
        "usable_password": "true",
        "password1": "kaltesWasser7",
        "password2": "kaltesWasser7",
    }
    answer = office.post(reverse("admin:accounts_user_add"), body | NO_MEMBERSHIPS)
    assert answer.status_code == 302, errors(answer)
    user = User.objects.get(email="new@example.org")
    assert user.check_password("kaltesWasser7")
    body = {"usable_password": "true", "password1": "warmesWasser8", "password2": "warmesWasser8"}
    path = reverse("admin:auth_user_password_change", args=[user.pk])
    assert office.get(path).status_code == 200
    assert office.post(path, body).status_code == 302
    user.refresh_from_db()
    assert user.check_password("warmesWasser8")


def test_a_person_is_put_into_a_team_and_set_inactive(office, team, viewer, other_team):
    membership = viewer.memberships.get()
    body = {
        "email": viewer.email,
        "is_active": "",
        "memberships-TOTAL_FORMS": 2,
        "memberships-INITIAL_FORMS": 1,
        "memberships-0-id": membership.pk,
        "memberships-0-user": viewer.pk,
        "memberships-0-team": team.pk,
        "memberships-0-role": "operator",
        "memberships-1-user": viewer.pk,
        "memberships-1-team": other_team.pk,
        "memberships-1-role": "admin",
    }
    answer = office.post(reverse("admin:accounts_user_change", args=[viewer.pk]), body)
    assert answer.status_code == 302, errors(answer)
    viewer = User.objects.get(pk=viewer.pk)
    assert not viewer.is_active
    assert viewer.access.roles == {team.pk: "operator", other_team.pk: "admin"}


def test_a_token_is_revoked(office, viewer):
    token, _key = issue_api_token(user=viewer, name="t")
    path = reverse("admin:accounts_apitoken_changelist")
    office.post(path, {"action": "revoke", "_selected_action": [token.pk]})
    assert ApiToken.objects.get().revoked


def test_failed_entries_are_tried_again_and_the_drain_is_woken(
    office, station, django_capture_on_commit_callbacks, monkeypatch
):
    from celery import current_app

    woken = []
    monkeypatch.setattr(current_app, "send_task", lambda name, *args, **kwargs: woken.append(name))
    failed = factories.InboxEntryFactory(message=factories.MessageFactory(station=station), failed=True)
    path = reverse("admin:maintenance_inboxentry_changelist")
    page = office.get(path, {"state": "failed"})
    assert page.context["cl"].result_count == 1
    assert office.get(path, {"state": "waiting"}).context["cl"].result_count == 0
    link = reverse("admin:maintenance_message_change", args=[failed.message_id])
    assert link in page.content.decode()
    assert "no such thing" in page.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        office.post(path, {"action": "retry", "_selected_action": [failed.pk]})
    entry = InboxEntry.objects.get()
    assert (entry.failed_at, entry.error) == (None, "")
    assert woken == ["ocpp_gateway.drain_all"]


def test_what_a_station_says_is_text_on_every_page(office, station):
    evil = "<script>alert(1)</script>"
    ChargingStation.objects.update(vendor=evil, model=evil)
    message = factories.MessageFactory(station=station, payload=f'{{"vendor": "{evil}"}}', answer=evil, action=evil)
    for path in (
        reverse(f"{STATIONS}_changelist"),
        reverse(f"{STATIONS}_change", args=[station.pk]),
        reverse("admin:maintenance_message_changelist"),
        reverse("admin:maintenance_message_change", args=[message.pk]),
    ):
        page = office.get(path).content.decode()
        assert evil not in page
        assert "&lt;script&gt;" in page


def test_a_commands_secret_is_not_shown(office, station):
    command = factories.CommandFactory(
        station=station, kind="change_configuration", parameters={"key": "AuthorizationKey", "value": "s3cr3t"}
    )
    page = office.get(reverse("admin:operations_command_change", args=[command.pk])).content
    assert b"AuthorizationKey" in page
    assert b"s3cr3t" not in page


def upload(office, kind, text):
    """Import a CSV file through both steps; gives the page after the first."""
    path = reverse(f"admin:chargers_{kind}_import")
    file = SimpleUploadedFile("rows.csv", text.encode(), "text/csv")
    page = office.post(path, {"format": "0", "import_file": file})
    assert page.status_code == 200
    form = page.context.get("confirm_form")
    if form is not None:
        answer = office.post(reverse(f"admin:chargers_{kind}_process_import"), form.initial)
        assert answer.status_code == 302
    return page


def test_stations_are_imported_with_password_and_connectors(office, team, station):
    upload(
        office,
        "chargingstation",
        "identity,name,team,protocol,password,connectors\n"
        f"NEW-1,Row 1,nordlys,1.6,secret-1,3\n{station.identity},Renamed,nordlys,1.6,,\n",
    )
    new = ChargingStation.objects.get(identity="NEW-1")
    assert (new.password, new.name, new.connectors.count()) == (b"secret-1", "Row 1", 3)
    station.refresh_from_db()
    assert (station.name, station.password) == ("Renamed", b"0123456789abcdef")


def test_a_file_with_a_wrong_row_says_which_and_imports_nothing(office, team, other_team, station):
    page = upload(
        office,
        "chargingstation",
        "identity,name,team,protocol,password\n"
        f"NEW-1,,nordlys,1.6,\nNEW-2,,none,1.6,p\n{station.identity},,stranger,1.6,p\nNEW-3,,nordlys,9,p\n",
    )
    result = page.context["result"]
    assert len(result.invalid_rows) + len(result.error_rows) == 4
    assert ChargingStation.objects.count() == 1


def test_tags_are_imported_with_their_stations(office, team, station, tag):
    upload(
        office,
        "tag",
        "team,value,label,status,expires_at,stations\n"
        f"nordlys,NEW1,Van,accepted,2027-01-01 00:00:00,{station.identity}\n"
        f"nordlys,{tag.value.lower()},Lost,blocked,,\n",
    )
    new = Tag.objects.get(value="NEW1")
    assert (new.label, list(new.stations.all())) == ("Van", [station])
    tag.refresh_from_db()
    assert (tag.label, tag.status) == ("Lost", "blocked")
    assert Tag.objects.count() == 2


def test_the_type_of_a_tag_is_imported_and_exported(office, team, tag):
    """W75: where a file does not say it, a tag that is there keeps its own, whatever the case of its value."""
    Tag.objects.filter(pk=tag.pk).update(kind="company")
    upload(office, "tag", f"team,value,label\nnordlys,{tag.value.lower()},Lost\nnordlys,NEW1,\n")
    upload(office, "tag", f"team,value,kind\nnordlys,{tag.value},\nnordlys,NEW2,Private\n")
    assert dict(Tag.objects.values_list("value", "kind")) == {tag.value: "company", "NEW1": "other", "NEW2": "private"}
    page = upload(office, "tag", "team,value,kind\nnordlys,NEW3,leased\n")
    assert page.context["result"].invalid_rows and not Tag.objects.filter(value="NEW3").exists()
    fields = {f"tagresource_{name}": "on" for name in ("value", "kind")}
    answer = office.post(reverse("admin:chargers_tag_export"), {"format": "0", "resource": ""} | fields)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    told = {row["value"]: row["kind"] for row in csv.DictReader(io.StringIO(content.decode()))}
    assert told == {tag.value: "company", "NEW1": "other", "NEW2": "private"}


def test_where_and_when_a_tag_is_valid_is_imported_and_exported(office, team, operator, station):
    """B18: a file without these columns keeps what an existing tag has."""
    factories.InstallationFactory(team=team, name="Depot")
    factories.StationGroupFactory(user=operator, name="Row A")
    head = "team,value,valid_from,time_windows,installations,groups,scope\n"
    cells = f"nordlys,NEW1,2026-01-01T00:00:00+00:00,1-5 07:00-19:00 | 6 08:00-12:00,Depot,{operator.email}: Row A,\n"
    upload(office, "tag", head + cells)
    tag = Tag.objects.get(value="NEW1")
    assert (tag.scope, tag.installations.get().name, tag.groups.get().name) == ("selected", "Depot", "Row A")
    assert [window["days"] for window in tag.time_windows] == [[1, 2, 3, 4, 5], [6]]
    names = ("team", "value", "valid_from", "time_windows", "scope", "installations", "groups")
    fields = {f"tagresource_{name}": "on" for name in names}
    answer = office.post(reverse("admin:chargers_tag_export"), {"format": "0", "resource": ""} | fields)
    text = answer.content.decode("utf-8-sig")
    assert "1,2,3,4,5 07:00-19:00 | 6 08:00-12:00" in text and f"{operator.email}: Row A" in text and "Depot" in text
    upload(office, "tag", "team,value,label\nnordlys,NEW1,Van\n")
    tag.refresh_from_db()
    assert (tag.label, tag.scope, tag.installations.count(), len(tag.time_windows)) == ("Van", "selected", 1, 2)
    for column, cell in {
        "installations": "Nowhere",
        "groups": "x: y",
        "time_windows": "Mo 7-19",
        "scope": "some",
    }.items():
        upload(office, "tag", f"team,value,{column}\nnordlys,NEW2,{cell}\n")
        assert not Tag.objects.filter(value="NEW2").exists()
    upload(office, "tag", "team,value,scope\nnordlys,NEW1,all\n")
    tag.refresh_from_db()
    assert (tag.scope, tag.installations.count()) == ("all", 0)


def exported_tags(office, format):
    fields = {f"tagresource_{name}": "on" for name in ("team", "value", "expires_at", "time_zone")}
    answer = office.post(reverse("admin:chargers_tag_export"), {"format": format, "resource": ""} | fields)
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.mark.parametrize(("language", "separator"), [("en", ","), ("de", ";")])
def test_the_end_of_a_tag_keeps_its_zone_out_and_in_again(office, team, tag, language, separator):
    expires_at = datetime(2027, 7, 1, 22, 30, tzinfo=UTC)
    Tag.objects.filter(pk=tag.pk).update(expires_at=expires_at)
    User.objects.update(time_zone="America/New_York", language=language)
    office.cookies["language"] = language
    text = exported_tags(office, "0").decode()
    (row,) = csv.DictReader(io.StringIO(text), delimiter=separator)
    assert row["expires_at"] == "2027-07-01 18:30:00-04:00"
    Tag.objects.filter(pk=tag.pk).update(expires_at=None)
    User.objects.update(time_zone="Asia/Tokyo")  # somebody elsewhere reads it
    upload(office, "tag", text)
    assert Tag.objects.get(pk=tag.pk).expires_at == expires_at


def test_a_workbook_of_tags_has_a_real_date_and_its_zone_beside_it(office, team, tag):
    from openpyxl import load_workbook

    expires_at = datetime(2027, 7, 1, 22, 30, tzinfo=UTC)
    Tag.objects.filter(pk=tag.pk).update(expires_at=expires_at)
    User.objects.update(time_zone="America/New_York")
    head, row = load_workbook(io.BytesIO(exported_tags(office, "1"))).active.values
    told = dict(zip(head, row, strict=True))
    assert told["expires_at"] == datetime(2027, 7, 1, 18, 30)
    assert told["time_zone"] == "America/New_York"


def test_a_file_with_an_unknown_time_zone_is_refused_with_a_sentence(office, team):
    page = upload(office, "tag", "team,value,expires_at,time_zone\nnordlys,NEW1,2027-07-01 18:30:00,Nordlys/Nowhere\n")
    assert "There is no time zone" in str(page.context["result"].invalid_rows[0].error)
    assert not Tag.objects.filter(value="NEW1").exists()


@pytest.mark.parametrize(("kind", "format"), [("tag", "0"), ("tag", "1"), ("chargingstation", "0")])
def test_a_file_that_goes_out_has_no_formula_and_no_password(office, team, station, kind, format):
    from openpyxl import load_workbook

    factories.TagFactory(team=team, label="=1+1", value="@evil")
    ChargingStation.objects.update(name="=cmd|' /C calc'!A0")
    answer = office.post(
        reverse(f"admin:chargers_{kind}_export"),
        {"format": format, "resource": "", "export_items": []}
        | {f"{type(r).__name__.lower()}_{f}": "on" for r in _resources(kind) for f in r.fields},
    )
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if format == "1":
        cells = [str(cell.value) for row in load_workbook(io.BytesIO(content)).active.iter_rows() for cell in row]
    else:
        cells = content.decode().replace("\r\n", ",").split(",")
    assert not [cell for cell in cells if cell.startswith(("=", "@"))]
    assert "0123456789abcdef" not in "".join(cells)
    assert any(cell.startswith("'=") for cell in cells)


def _resources(kind):
    from chargers.onboarding.resources import StationResource
    from chargers.tags.resources import TagResource

    return [TagResource() if kind == "tag" else StationResource()]


def test_a_big_table_is_not_counted_to_its_end(team, station, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(bricks, "COUNT_LIMIT", 5)
    factories.MessageFactory.create_batch(9, station=station)
    rows = type(factories.MessageFactory._meta.model.objects.get_queryset())(factories.MessageFactory._meta.model)
    assert BoundedPaginator(rows.filter(action="Heartbeat"), 10).count == 6
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE maintenance_message")
        assert BoundedPaginator(rows.all(), 10).count == 9


def test_support_gives_a_program_another_rate_and_revokes_it(office, team):
    """S29."""
    program, _key = add_program(team=team, name="p", scopes=["operate"], actor=None)
    page = reverse("admin:accounts_program_change", args=[program.pk])
    assert (
        office.post(page, {"requests_per_minute": "1200", "name": "other", "scopes": '["access"]'}).status_code == 302
    )
    program.refresh_from_db()
    assert (program.requests_per_minute, program.name, program.scopes) == (1200, "p", ["operate"])
    assert office.post(page, {"requests_per_minute": "0"}).status_code == 200  # refused
    office.post(reverse("admin:accounts_program_changelist"), {"action": "revoke", "_selected_action": [program.pk]})
    program.refresh_from_db()
    assert program.revoked_at is not None
    assert not program.keys.valid().exists()

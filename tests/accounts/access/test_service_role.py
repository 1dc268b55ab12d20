"""The role service reads how a station works, and nothing of who charged there and how much (Z16, Z17)."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.access.rights import ApiScope
from accounts.models import User
from chargers.models import ChargingStation, Oddity
from cpms.common.errors import DomainError
from ocpp_gateway.v16.schemas import validator
from ocpp_gateway.v16.technical import TECHNICAL, technical_parameters, technical_request
from operations.commands.services.asking import request_command
from operations.models import Command
from tests import factories

pytestmark = pytest.mark.django_db
TAG, LABEL, NAME, PLACE, WH, NUMBER = "04CAFE77", "Bluecard", "Xaverina", "Zwiebelweg", "7654321", "88776655"
SECRETS = (TAG, TAG.lower(), LABEL, NAME, WH, "7.654.321", "7,654,321", NUMBER, "88,776,655")
CALLS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("in", "Authorize", {"idTag": TAG}, {"idTagInfo": {"status": "Accepted", "parentIdTag": LABEL}}),
    ("in", "StartTransaction", {"connectorId": 1, "idTag": TAG, "meterStart": int(WH)},
     {"transactionId": int(NUMBER), "idTagInfo": {"status": "Accepted", "parentIdTag": LABEL}}),
    ("in", "StopTransaction", {"transactionId": int(NUMBER), "idTag": TAG, "meterStop": int(WH), "reason": "Local",
     "transactionData": [{"sampledValue": [{"value": WH}]}]}, {"idTagInfo": {"status": "Accepted"}}),
    ("in", "MeterValues", {"connectorId": 1, "transactionId": int(NUMBER),
     "meterValue": [{"sampledValue": [{"value": WH}]}]}, {}),
    ("in", "DataTransfer", {"vendorId": "V", "messageId": "M", "data": TAG}, {"status": "Accepted", "data": LABEL}),
    ("in", "StatusNotification", {"connectorId": {"idTag": TAG}, "status": "Charging", "errorCode": "NoError"}, {}),
    ("in", "Unheard", {"whatever": TAG}, {"whatever": LABEL}),
    ("out", "RemoteStartTransaction", {"connectorId": 1, "idTag": TAG,
     "chargingProfile": {"transactionId": int(NUMBER)}}, {"status": "Accepted"}),
    ("out", "RemoteStopTransaction", {"transactionId": int(NUMBER)}, {"status": "Accepted"}),
    ("out", "SendLocalList", {"listVersion": 3, "updateType": "Full",
     "localAuthorizationList": [{"idTag": TAG, "idTagInfo": {"parentIdTag": LABEL}}]}, {"status": "Accepted"}),
    ("out", "ReserveNow", {"connectorId": 1, "idTag": TAG, "parentIdTag": LABEL, "reservationId": 4}, {}),
    ("out", "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": {"transactionId": int(NUMBER),
     "stackLevel": 3}}, {"status": "Accepted"}),
]  # fmt: skip


@pytest.fixture
def charged(station: ChargingStation, team: Any) -> ChargingStation:
    """Somebody charged here, and everything that can tell of it does."""
    driver = factories.UserFactory.create(first_name=NAME, last_name=NAME, email=f"{NAME}@example.org")
    tag = factories.TagFactory.create(team=team, value=TAG, label=LABEL, user=driver)
    factories.ConnectorFactory.create(station=station, number=1)
    session = factories.SessionFactory.create(
        pk=int(NUMBER), station=station, tag=tag, id_tag=TAG, meter_start_wh=int(WH), finished=True, energy_wh=int(WH)
    )
    running = factories.SessionFactory.create(station=station, tag=tag, id_tag=TAG, meter_start_wh=int(WH))
    factories.ReadingFactory.create(session=running, energy_wh=int(WH), values=[{"value": WH}])
    for direction, action, asked, answered in CALLS:
        facts = {"payload": json.dumps(asked), "answer": json.dumps(answered), "direction": direction}
        factories.MessageFactory.create(station=station, action=action, **facts)
    factories.MessageFactory.create(
        station=station, direction="out", action="RemoteStartTransaction", error_code="InternalError",
        payload=json.dumps({"idTag": TAG}), answer=json.dumps(["InternalError", f"{TAG} is not known"]),
    )  # fmt: skip
    factories.MessageFactory.create(station=station, action="", payload=f'[2, "1", "Authorize", {{"idTag": "{TAG}"')
    commands = [
        ("remote_start", {"connector": 1, "id_tag": TAG}, {"status": "Accepted", "idTag": TAG}),
        ("remote_stop", {"session": int(NUMBER)}, {"status": "Accepted"}),
        ("data_transfer", {"vendor": "V", "data": TAG}, {"status": "Accepted", "data": TAG}),
        ("raw", {"action": "SendLocalList", "payload": CALLS[9][2]}, {"status": "Accepted"}),
    ]
    for kind, parameters, answer in commands:
        factories.CommandFactory.create(
            station=station, kind=kind, parameters=parameters, answer=answer, state="accepted", session=session,
            requested_by=driver if kind.startswith("remote") else None, action="SendLocalList",
        )  # fmt: skip
    factories.CommandFactory.create(
        station=station, kind="remote_start", parameters={"id_tag": TAG}, state="failed", error_code="InternalError",
        error_description=f"{TAG} is not known", requested_by=driver,
    )  # fmt: skip
    factories.OddityFactory.create(
        station=station, kind=Oddity.Kind.CONFLICTING_STOP, session_id=session.pk, note=f"{TAG} ended with {WH} Wh.",
        facts={"at": "2026-01-01T10:00:00+00:00", "meter_wh": int(WH), "reason": "", "session": None}, payload=TAG,
    )  # fmt: skip
    return station


@pytest.fixture
def technician(charged: ChargingStation) -> User:
    return factories.GrantFactory.create(station=charged, role="service").user


def secrets_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def text_of(answer: Any) -> str:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return body.decode()


LISTS = (
    "portal:dashboard", "portal:dashboard_live", "portal:dashboard_sessions", "portal:dashboard_power",
    "chargers:station_list", "chargers:connector_list", "chargers:tag_list", "sessions:session_list",
    "sessions:gap_list", "operations:command_list", "operations:remote_start", "operations:remote_stop",
    "operations:reset", "operations:availability", "maintenance:message_list", "maintenance:security_list",
    "maintenance:deviation_list", "maintenance:refusal_list", "portal:user_list", "portal:notification_list",
)  # fmt: skip


def pages(station: ChargingStation) -> list[str]:
    rows = [reverse("maintenance:message_detail", args=[row.pk]) for row in factories.Message.objects.all()]
    rows += [reverse("operations:command_detail", args=[row.pk]) for row in Command.objects.all()]
    of_station = [
        reverse(f"chargers:{name}", args=[station.pk]) for name in ("station_detail", "station_live", "station_power")
    ]
    forms = [
        reverse("operations:station_command", args=[station.pk, kind]) for kind in ("remote_stop", "reset", "unlock")
    ]
    lists = [reverse(name) for name in LISTS]
    return [*rows, *of_station, *forms, *lists, *(f"{path}?export=csv" for path in lists)]


def test_no_page_export_or_live_part_tells_who_charged_and_how_much(
    client: Client, technician: User, charged: ChargingStation
) -> None:
    client.force_login(technician)
    for path in pages(charged):
        answer = client.get(path)
        assert answer.status_code in (200, 302), path
        assert not secrets_in(text_of(answer)), path
    for text in (TAG, LABEL, NAME, NUMBER):
        found = text_of(client.get(reverse("portal:search"), {"q": text}, headers={"HX-Request": "true"}))
        assert not secrets_in(found.replace(text, "")) and charged.identity not in found


def test_an_excel_file_neither(client: Client, technician: User, administrator: User) -> None:
    def sheet(person: User, name: str) -> str:
        client.force_login(person)
        answer: Any = client.get(reverse(name) + "?export=xlsx")
        with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as book:
            return "".join(book.read(one).decode() for one in book.namelist())

    for name in ("maintenance:message_list", "operations:command_list"):
        assert not secrets_in(sheet(technician, name))
        assert secrets_in(sheet(administrator, name))


API = ("messages", "commands", "sessions", "samples", "gaps", "tags", "stations", "connectors", "security-events")


def test_the_api_neither(api: Any, technician: User, charged: ChargingStation) -> None:
    client = api(technician)
    for name in API:
        listed = client.get(f"/api/v1/{name}/")
        assert listed.status_code == 200 and not secrets_in(listed.content.decode()), name
        for row in listed.json()["results"]:
            if "id" in row:
                assert not secrets_in(client.get(f"/api/v1/{name}/{row['id']}/").content.decode()), name
    assert len(client.get("/api/v1/messages/").json()["results"]) == len(CALLS) + 2
    assert not secrets_in(client.get(f"/api/v1/stations/{charged.identity}/commands/").content.decode())


def test_a_key_without_the_scope_for_sessions_reads_technical_things_only(api: Any, administrator: User) -> None:
    for scopes, is_whole in (
        ((ApiScope.MESSAGES_READ,), False),
        ((ApiScope.MESSAGES_READ, ApiScope.SESSIONS_READ), True),
    ):
        factories.MessageFactory.create(
            station=factories.StationFactory.create(team=administrator.teams.get()), action="Authorize",
            payload=json.dumps({"idTag": TAG}),
        )  # fmt: skip
        text = api(administrator, *scopes).get("/api/v1/messages/").content.decode()
        assert bool(secrets_in(text)) is is_whole


def test_filters_are_no_oracle(api: Any, client: Client, technician: User, charged: ChargingStation) -> None:
    messages, commands = reverse("maintenance:message_list"), reverse("operations:command_list")
    client.force_login(technician)
    for path in (messages, commands):
        for name in ("q", "search", "payload", "answer", "id_tag", "parameters", "action"):
            right, wrong = (client.get(path, {name: text, "export": "csv"}) for text in (TAG, "nothing"))
            assert right.status_code == wrong.status_code, (path, name)
            if right.status_code == 200 and right.streaming:
                assert text_of(right) == text_of(wrong), (path, name)
    answers = [api(technician).get("/api/v1/commands/", {"session": number}).json() for number in (NUMBER, "1")]
    assert [answer["results"] for answer in answers] == [[], []]


def test_which_tags_a_team_has_cannot_be_found_out_by_asking_for_a_start(
    client: Client, technician: User, charged: ChargingStation, team: Any
) -> None:
    factories.TagFactory.create(team=team, value="BLOCKED", status="blocked")
    client.force_login(technician)
    choices = client.get(reverse("operations:tag_choices", args=[charged.pk]), {"id_tag": TAG[:2]})
    assert not secrets_in(choices.content.decode())
    told = set()
    for value in ("BLOCKED", "NOBODYS"):
        with pytest.raises(DomainError) as caught:
            request_command(
                station=charged, kind="remote_start", parameters={"connector": 1, "id_tag": value}, actor=technician
            )
        told.add(str(caught.value))
    assert told == {"This tag cannot be used at this station."}


def test_what_is_technical_is_still_shown(client: Client, api: Any, technician: User, charged: ChargingStation) -> None:
    read = {
        row["action"]: row
        for row in api(technician).get("/api/v1/messages/").json()["results"]
        if not row["error_code"]
    }
    assert read["StartTransaction"]["payload"] == {"connectorId": 1}
    assert read["StartTransaction"]["answer"] == {"idTagInfo": {"status": "Accepted"}}
    assert read["StopTransaction"]["payload"] == {"reason": "Local"}
    assert read["SendLocalList"]["payload"] == {"listVersion": 3, "updateType": "Full"}
    assert read["SetChargingProfile"]["payload"]["csChargingProfiles"] == {"stackLevel": 3}
    assert read["StatusNotification"]["payload"] == {"status": "Charging", "errorCode": "NoError"}
    assert read["Unheard"]["payload"] == {}
    kinds = {row["kind"]: row for row in api(technician).get("/api/v1/commands/").json()["results"] if row["answer"]}
    assert kinds["remote_start"]["parameters"] == {"connector": 1}
    assert kinds["raw"]["parameters"]["payload"] == {"listVersion": 3, "updateType": "Full"}
    client.force_login(technician)
    row = factories.Message.objects.filter(action="StartTransaction").get()
    page = client.get(reverse("maintenance:message_detail", args=[row.pk])).content.decode()
    assert "your access does not include sessions" in page


def test_who_sees_sessions_sees_all_of_it(client: Client, charged: ChargingStation, viewer: User) -> None:
    owner = factories.GrantFactory.create(station=charged, role="owner").user
    for person in (viewer, owner):
        client.force_login(person)
        row = factories.Message.objects.filter(action="StartTransaction").get()
        page = client.get(reverse("maintenance:message_detail", args=[row.pk])).content.decode()
        assert TAG in page and WH in page


@pytest.mark.parametrize("action", sorted(TECHNICAL))
def test_the_table_names_actions_and_fields_that_there_are(action: str) -> None:
    for name, fields in zip((action, f"{action}Response"), TECHNICAL[action], strict=True):
        assert validator(name) is not None, name
        assert not {"idTag", "parentIdTag", "transactionId", "meterStart", "meterStop", "meterValue"} & set(fields)


def test_an_action_that_nobody_decided_about_is_hidden_whole() -> None:
    assert technical_request("Unheard", {"connectorId": 1}) == {}
    assert technical_parameters("unheard", {"connector": 1}) == {}


def test_the_dashboard_of_a_service_partner_says_that_sessions_are_not_included(station):
    """No zeros: a partner would take them for figures."""
    place = factories.InstallationFactory(team=station.team)
    ChargingStation.objects.filter(pk=station.pk).update(installation=place)
    factories.ConnectorFactory(station=station, number=3)
    factories.SessionFactory(station=station)
    client = Client()
    client.force_login(factories.GrantFactory(installation=place, role="service").user)
    for path in ("/", "/dashboard/live/"):
        text = client.get(path).content.decode()
        assert "Your access does not include sessions." in text
        assert "Sessions today" not in text and 'data-v="energy"' not in text
    assert "Combined charging power" not in client.get("/").content.decode()

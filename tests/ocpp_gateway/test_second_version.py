"""A station that speaks another version than OCPP 1.6: the codec in `second_version` is all that it takes."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.access.rights import Role
from chargers.vocabulary import ConnectorStatus, ResetKind, StopReason
from maintenance.models import InboxEntry, Message
from ocpp_gateway import codec
from operations.commands import labels
from operations.commands.services.asking import request_command
from operations.models import Command
from sessions.models import ChargingSession
from tests import factories
from tests.ocpp_gateway.running_system import until
from tests.ocpp_gateway.second_version import SecondVersion

pytestmark = pytest.mark.processes


@pytest.fixture
def spoken_here():
    """The pages of this process know the version as well."""
    version = SecondVersion()
    codec.register(version)
    yield version
    codec.unregister(version)


@pytest.fixture
def link(system, station):
    with system.link(station, subprotocols=("ocpp9.9", "test1.0")) as link:
        assert link.socket.subprotocol == "test1.0"
        yield link


def say(link, action, **payload):
    kind, _message_id, answer = link.exchange([2, f"id-{action}", action, payload])
    assert kind == 3, answer
    return answer


def test_it_boots_charges_and_reports(system, station, link, spoken_here):
    assert say(link, "Hello", maker="Voltaria", type="Box 9") == {"you": "accepted"}
    assert say(link, "Lamp", socket=1, shines="blue") == {}
    begun = say(link, "Plugged", socket=1, card=system.tag.value, juice=1000)
    assert begun["card"] == "welcome"
    assert say(link, "Juice", socket=1, charge=begun["charge"], juice=1400) == {}
    assert say(link, "Unplugged", charge=begun["charge"], juice=2500, why="pulled") == {}
    system.drained(station)
    station.refresh_from_db()
    assert (station.protocol, station.vendor, station.model) == ("test1.0", "Voltaria", "Box 9")
    assert station.connectors.get(number=1).status == ConnectorStatus.CHARGING
    session = ChargingSession.objects.get(station=station)
    assert (session.tag, session.energy_wh, session.is_billable) == (system.tag, 1500, True)
    assert (session.stop_reason, session.sample_count) == (StopReason.VEHICLE_DISCONNECTED, 1)
    assert not InboxEntry.objects.filter(station=station).exists()
    assert set(Message.objects.filter(station=station).values_list("protocol", flat=True)) == {"test1.0"}


def test_what_it_does_not_know_is_refused(link):
    assert link.error([2, "x", "BootNotification", {}]) == ("x", "NotImplemented")


def test_it_is_asked_in_its_own_words(station, link, spoken_here):
    say(link, "Hello", maker="Voltaria", type="Box 9")
    station.refresh_from_db()
    command = request_command(station=station, kind=Command.Kind.RESET, parameters={"type": ResetKind.HARD.value})
    message_id, action, payload = link.next_call()
    assert (action, payload) == ("Nap", {"how": "right now"})
    link.answer(message_id, {"okay": "sure"})

    def is_accepted():
        command.refresh_from_db()
        return command.state == Command.State.ACCEPTED

    until(is_accepted)
    assert (command.action, command.protocol, command.answer) == ("Nap", "test1.0", {"okay": "sure"})
    assert labels.parameters_text(command) == "hard" and labels.result_text(command).startswith("Accepted in ")


def test_a_command_asked_for_in_one_version_goes_out_in_the_one_the_station_then_speaks(system, station, spoken_here):
    command = request_command(station=station, kind=Command.Kind.RESET, parameters={"type": ResetKind.SOFT.value})
    assert (command.protocol, command.action) == ("1.6", "Reset")
    with system.link(station, subprotocols=("test1.0",)) as link:
        assert link.next_call()[1:] == ("Nap", {"how": "when free"})
    command.refresh_from_db()
    assert (command.protocol, command.action) == ("test1.0", "Nap")


def test_its_messages_are_shown_by_its_own_summary(system, station, link, spoken_here):
    say(link, "Lamp", socket=1, shines="red")
    message = Message.objects.get(station=station)
    url = reverse("maintenance:message_detail", args=[message.pk])
    browser = Client()
    browser.force_login(factories.MembershipFactory.create(team=system.team, role=Role.VIEWER).user)
    assert "socket 1 shines red" in browser.get(url).content.decode()
    assert "socket 1 shines red" in browser.get(reverse("maintenance:message_list")).content.decode()
    assert "socket 1 shines red" in browser.get(station.get_absolute_url()).content.decode()


def test_whoever_sees_no_sessions_sees_none_of_what_is_not_declared_technical(station, link, spoken_here):
    say(link, "Lamp", socket=1, shines="red")
    message = Message.objects.get(station=station)
    browser = Client()
    browser.force_login(factories.GrantFactory.create(station=station, role="service").user)
    page = browser.get(reverse("maintenance:message_detail", args=[message.pk])).content.decode()
    assert "shines" not in page and "Lamp" in page

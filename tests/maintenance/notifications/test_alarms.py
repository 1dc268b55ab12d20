"""Critical security events: one e-mail to each administrator despite crashes; alerts until acknowledged (T40, B16)."""

from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.utils import timezone

from accounts.access.rights import Role
from chargers.models import Event
from cpms.common.errors import NotAllowed
from cpms.common.messaging.mail import MAX_ATTEMPTS
from maintenance.messages.services.log import store_calls
from maintenance.models import AlarmMail, SecurityEvent
from maintenance.notifications.services import alarms
from maintenance.notifications.services.alarms import retry_mails, send_alarms
from maintenance.retention.services import purge_expired_rows
from maintenance.security_events.services import SecurityNotice, acknowledge_events, record_security_events
from ocpp_gateway.drain import drain_all
from tests import factories
from tests.maintenance.messages.test_inbox import row
from tests.ocpp_gateway.link import moment


@pytest.fixture
def event(station):
    def make(type_="TamperDetectionActivated", *, at=None, tech_info="", station=station):
        at = at or timezone.now()
        record_security_events([SecurityNotice(station.pk, type_, at, tech_info, timezone.now())])
        return SecurityEvent.objects.latest("pk")

    return make


@pytest.fixture
def later(monkeypatch):
    """Return a function that shifts the clock of the alarms forward."""

    def move(span):
        now = timezone.now() + span
        monkeypatch.setattr(alarms.timezone, "now", lambda: now)

    return move


@pytest.mark.parametrize(
    ("type_", "is_critical"),
    [
        ("FirmwareUpdated", True),
        ("SettingSystemTime", True),
        ("StartupOfTheDevice", True),
        ("ResetOrReboot", True),
        ("SecurityLogWasCleared", True),
        ("MemoryExhaustion", True),
        ("TamperDetectionActivated", True),
        ("FailedToAuthenticateAtCentralSystem", False),
        ("ReconfigurationOfSecurityParameters", False),
        ("InvalidMessages", False),
        ("AttemptedReplayAttacks", False),
        ("InvalidFirmwareSignature", False),
        ("InvalidTLSVersion", False),
        ("SomethingOfTheVendor", False),
    ],
)
def test_it_is_critical_as_the_specification_says(station, type_, is_critical):
    store_calls([row(station, "SecurityEventNotification", {"type": type_, "timestamp": moment()})])
    drain_all()
    assert station.security_events.get().is_critical is is_critical


def test_each_administrator_of_the_team_gets_one_mail(event, station, user_with, stranger, viewer, operator):
    admins = [user_with(Role.ADMIN), user_with(Role.ADMIN)]
    gone = user_with(Role.ADMIN)
    gone.is_active = False
    gone.save()
    event()
    event("InvalidMessages")
    assert send_alarms() == 2
    assert sorted(m.to[0] for m in mail.outbox) == sorted(user.email for user in admins)
    message = mail.outbox[0]
    assert message.subject == f"1 security alert at {station.identity}"
    assert "Tampering detected at the station (TamperDetectionActivated)" in message.body
    assert "/maintenance/security/?state=open" in message.body
    assert send_alarms() == 0 and len(mail.outbox) == 2


def test_it_is_in_the_persons_language(event, administrator):
    administrator.language, administrator.time_zone = "de", "Asia/Tokyo"
    administrator.save()
    event(at=timezone.datetime(2026, 3, 1, 12, tzinfo=timezone.get_fixed_timezone(0)))
    send_alarms()
    assert "21:00:00 JST" in mail.outbox[0].body


def test_what_a_station_could_write_is_not_in_the_mail(event, administrator):
    event(tech_info="Click http://evil.example to confirm")
    send_alarms()
    assert "evil" not in mail.outbox[0].body


def test_many_events_are_one_mail_and_the_next_ones_wait(event, administrator, later):
    for _n in range(30):
        event(station=factories.StationFactory(team=administrator.teams.get()))
    send_alarms()
    assert len(mail.outbox) == 1 and "30 security alerts" in mail.outbox[0].subject
    assert "and 10 more" in mail.outbox[0].body
    event()
    assert send_alarms() == 0
    later(timedelta(minutes=11))
    assert send_alarms() == 1 and mail.outbox[1].subject.startswith("1 security alert at")


def test_a_recent_mail_to_one_team_does_not_delay_another(event, administrator, stranger, other_team):
    event()
    send_alarms()
    event(station=factories.StationFactory(team=other_team))
    assert send_alarms() == 1 and mail.outbox[1].to == [stranger.email]


def test_an_event_in_a_team_without_administrators_or_in_the_pool_blocks_nothing(event):
    event()
    event(station=factories.StationFactory(team=None))
    assert send_alarms() == 0
    assert not Event.objects.to_mail().exists()


def test_a_crash_while_mails_are_written_loses_none(event, administrator, monkeypatch):
    event()
    with monkeypatch.context() as broken:
        broken.setattr(AlarmMail.objects, "bulk_create", lambda rows: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            send_alarms()
    assert send_alarms() == 1


def test_a_crash_while_a_mail_is_sent_sends_the_same_mail_again(event, administrator, monkeypatch, later):
    event()
    with monkeypatch.context() as broken:
        broken.setattr(EmailMessage, "send", lambda self: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            send_alarms()
    assert send_alarms() == 0  # another worker may be sending it
    later(timedelta(minutes=6))
    assert send_alarms() == 1
    row = AlarmMail.objects.get()
    assert row.attempts == 2 and mail.outbox[0].extra_headers["Message-ID"].startswith(f"<alarm-{row.pk}.")


def test_a_mail_server_that_refuses_is_asked_again_later_and_longer(event, administrator, monkeypatch, later):
    def refuse(self):
        raise ConnectionRefusedError("no mail server")

    event()
    with monkeypatch.context() as broken:
        broken.setattr(EmailMessage, "send", refuse)
        assert send_alarms() == 0
    row = AlarmMail.objects.get()
    assert "no mail server" in row.error and row.sent_at is None and row.attempts == 1
    assert send_alarms() == 0
    later(timedelta(minutes=2))
    assert send_alarms() == 1
    row.refresh_from_db()
    assert row.sent_at is not None and row.error == ""


def test_one_that_was_given_up_is_sent_when_asked(administrator, team):
    row = factories.AlarmMailFactory(team=team, user=administrator, attempts=MAX_ATTEMPTS)
    assert send_alarms() == 0
    assert retry_mails(AlarmMail.objects.all()) == 1
    assert send_alarms() == 1 and mail.outbox[0].subject == row.subject


def test_two_workers_send_a_mail_once(event, administrator, monkeypatch):
    event()
    alarms.write_security_mails()
    sent = EmailMessage.send

    def send_in_two(self):
        monkeypatch.setattr(EmailMessage, "send", sent)
        assert alarms.send_mails() == 0
        return sent(self)

    monkeypatch.setattr(EmailMessage, "send", send_in_two)
    assert alarms.send_mails() == 1 and len(mail.outbox) == 1


def test_old_mails_are_deleted(team, administrator):
    factories.AlarmMailFactory(team=team, user=administrator, created_at=timezone.now() - timedelta(days=91))
    purge_expired_rows()
    assert not AlarmMail.objects.exists()


def test_an_operator_acknowledges_with_name_and_time(event, operator):
    alert, other = event(), event("InvalidMessages")
    assert acknowledge_events(events=SecurityEvent.objects.all(), actor=operator) == 1
    alert.refresh_from_db()
    assert alert.acknowledged_by == operator and alert.acknowledged_at is not None
    other.refresh_from_db()
    assert other.acknowledged_at is None
    assert Event.objects.get().ended_at == alert.acknowledged_at
    first = alert.acknowledged_at
    assert acknowledge_events(events=SecurityEvent.objects.all(), actor=operator) == 0
    alert.refresh_from_db()
    assert alert.acknowledged_at == first


def test_nobody_acknowledges_without_the_role_or_for_another_team(event, viewer, stranger, staff):
    event()
    with pytest.raises(NotAllowed):
        acknowledge_events(events=SecurityEvent.objects.all(), actor=viewer)
    assert acknowledge_events(events=SecurityEvent.objects.all(), actor=stranger) == 0
    assert acknowledge_events(events=SecurityEvent.objects.all(), actor=staff) == 1

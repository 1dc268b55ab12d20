"""Mails through a real SMTP server."""

from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller

from accounts import invitations, mails, passwords
from accounts.rights import Role
from maintenance.services import send_alarms
from tests import factories
from tools.services import free_port


class Kept:
    def __init__(self):
        self.got = []
        self.is_ill = False

    async def handle_DATA(self, server, session, envelope):
        if self.is_ill:
            return "451 try again later"
        self.got.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@pytest.fixture
def server(settings):
    kept = Kept()
    controller = Controller(kept, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    yield kept
    controller.stop()


def test_a_mail_about_an_account_arrives_in_text_and_html(server, viewer):
    passwords.ask_for_new_password(email=viewer.email, address="::1")
    assert mails.send_mails() == 1
    to, message = server.got[0]
    assert to == [viewer.email] and message["Auto-Submitted"] == "auto-generated"
    for kind in ("plain", "html"):
        assert "http://localhost:8000/account/password/set/" in message.get_body((kind,)).get_content()


def test_a_name_cannot_write_headers(server, administrator, team):
    team.name = "Nordlys\r\nBcc: evil@example.org"
    team.save()
    invitations.invite(team=team, email="new@example.org", role=Role.VIEWER, actor=administrator)
    assert mails.send_mails() == 1
    to, message = server.got[0]
    assert to == ["new@example.org"] and "Bcc" not in message


def test_an_ill_server_is_asked_again(server, viewer):
    server.is_ill = True
    passwords.ask_for_new_password(email=viewer.email, address="::1")
    assert mails.send_mails() == 0
    assert "451" in mails.AccountMail.objects.get().error
    server.is_ill = False
    mails.retry_mails(mails.AccountMail.objects.all())
    assert mails.send_mails() == 1 and len(server.got) == 1


def test_an_alarm_arrives_in_the_same_layout(server, station, administrator):
    factories.SecurityEventFactory(station=station, is_critical=True)
    assert send_alarms() == 1
    _to, message = server.got[0]
    assert "TamperDetectionActivated" in message.get_body(("plain",)).get_content()
    assert "Sent by CPMS" in message.get_body(("html",)).get_content()

"""E-mails through a real SMTP server."""

from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller

from accounts.access.rights import Role
from accounts.mails.services import mails
from accounts.mails.services.grant_mail import GIVEN
from accounts.members.services import invitations
from accounts.profile.services import passwords
from accounts.team_settings.services import branding
from chargers.grants.services import mails as grant_mails
from cpms.common.database.process_cache import clear_cached
from maintenance.notifications.services.alarms import send_alarms
from tests import factories
from tests.accounts.conftest import image, prove
from tools.services import free_port


class MessageHandler:
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
    handler = MessageHandler()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    yield handler
    controller.stop()


def test_a_mail_about_an_account_arrives_in_text_and_html(server, viewer):
    passwords.request_password_reset(email=viewer.email, address="::1")
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


def test_a_failing_server_is_retried(server, viewer):
    server.is_ill = True
    passwords.request_password_reset(email=viewer.email, address="::1")
    assert mails.send_mails() == 0
    assert "451" in mails.AccountMail.objects.get().error
    server.is_ill = False
    mails.retry_mails(mails.AccountMail.objects.all())
    assert mails.send_mails() == 1 and len(server.got) == 1


def test_an_alarm_arrives_in_the_same_layout(server, station, administrator):
    factories.report_security_event(station)
    assert send_alarms() == 1
    _to, message = server.got[0]
    assert "TamperDetectionActivated" in message.get_body(("plain",)).get_content()
    assert "Sent by CPMS" in message.get_body(("html",)).get_content()


@pytest.fixture
def branded(team):
    """A team with branding and its own domain."""
    fields = {"portal_name": "Nordlys, Lading", "accent": "#0b6e4f", "support_email": "help@nordlys.example"}
    branding.save_brand(team=team, values=fields, uploads={"logo_light": image()})
    return prove(team, "charging.nordlys.example")


OWN, OURS = "http://charging.nordlys.example:8000/", "http://localhost:8000/"


def has_branding(message, links=OWN):
    """Whether a message has the team's name, colour and logo, and links to one site only."""
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "Nordlys, Lading" in html and "#0b6e4f" in html and "cid:logo" in html and "CPMS" not in text + html
    assert {link in text + html for link in {OWN, OURS} - {links}} == {False} and links in text
    assert message["From"].addresses[0].display_name == "Nordlys, Lading"
    assert message["From"].addresses[0].addr_spec == "cpms@localhost"
    assert "do not reply" not in text and message["Reply-To"] == "help@nordlys.example"
    (logo,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert logo["Content-ID"] == "<logo>" and logo.get_content_disposition() == "inline"
    return True


def test_mails_of_a_team_have_its_branding(server, branded, team, viewer, administrator, station):
    """P11: an invitation, a reset requested on its domain, an alarm, and granted access. The reset link is a key
    of the account, so it leads to our own address."""
    invitations.invite(team=team, email="new@example.org", role=Role.VIEWER, actor=administrator)
    passwords.request_password_reset(email=viewer.email, address="::1", team_id=team.pk)
    assert mails.send_mails() == 2
    factories.report_security_event(station)
    assert send_alarms() == 1
    grant = factories.GrantFactory(station=station, team=team, user=viewer)
    assert grant_mails.mail_about_grant(grant, GIVEN) == 1 and mails.send_mails() == 1
    assert [has_branding(message, to) for (_to, message), to in zip(server.got, (OWN, OURS, OWN, OWN), strict=True)]


def test_mails_requested_on_our_host_have_our_branding(server, branded, client, viewer):
    """P11: and e-mails requested on the team's domain have the team's branding."""
    for host in ("testserver", "charging.nordlys.example"):
        client.post("/account/password/forgotten/", {"email": viewer.email}, HTTP_HOST=host)
    mails.send_mails()
    (_to, ours), (_to, theirs) = server.got
    assert "CPMS" in ours.get_body(("html",)).get_content() and not ours["Reply-To"]
    assert OURS in ours.get_body(("plain",)).get_content()
    assert has_branding(theirs, OURS), "whose links lead to our own address all the same"


def test_a_portals_name_cannot_write_headers(server, team, administrator):
    """P11."""
    factories.BrandFactory(team=team, portal_name="Nordlys\r\nBcc: evil@example.org")
    clear_cached()
    invitations.invite(team=team, email="new@example.org", role=Role.VIEWER, actor=administrator)
    assert mails.send_mails() == 1
    assert "Bcc" not in server.got[0][1]

"""Factories of rows for tests. The rows are valid unless a test sets other values."""

from datetime import UTC, datetime, timedelta

import factory
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from factory.django import DjangoModelFactory

from accounts.access.rights import Role
from accounts.models import (
    AccountMail,
    AddressChange,
    AuditEntry,
    BillingDetails,
    Brand,
    BrandPicture,
    Enrolment,
    FactorEnrolmentCode,
    FormerHandle,
    Grant,
    Invitation,
    Membership,
    SavedView,
    SignedInBrowser,
    Team,
    TeamDomain,
    User,
)
from chargers.models import (
    ChargingStation,
    Circuit,
    Connector,
    Event,
    GatewayNode,
    Installation,
    Oddity,
    RefusedTag,
    StationGroup,
    Tag,
)
from maintenance.models import (
    AlarmMail,
    CertificateRequest,
    Deviation,
    InboxEntry,
    InboxShard,
    Message,
    Notification,
    NotificationChoice,
    ProgressReport,
    RefusedConnection,
    SecurityEvent,
    StationLink,
    UnnamedProxy,
)
from maintenance.security_events.services import SecurityNotice, record_security_events
from operations.models import Command
from sessions.models import ChargingSession, MeterReading, TeamPower

PASSWORD = "a long enough password"


class TeamFactory(DjangoModelFactory):
    class Meta:
        model = Team

    handle = factory.Sequence(lambda n: f"team-{n}")
    name = factory.Sequence(lambda n: f"Team {n}")


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.org")
    password = factory.django.Password(PASSWORD)


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    team = factory.SubFactory(TeamFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.VIEWER


class SignedInBrowserFactory(DjangoModelFactory):
    class Meta:
        model = SignedInBrowser

    user = factory.SubFactory(UserFactory)
    session_key = factory.Sequence(lambda n: f"session{n}")
    session_hash = factory.LazyAttribute(lambda row: row.user.get_session_auth_hash())
    address = "192.0.2.7"
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class FactorEnrolmentCodeFactory(DjangoModelFactory):
    class Meta:
        model = FactorEnrolmentCode

    user = factory.SubFactory(UserFactory, is_staff=True)
    code_hash = factory.Sequence(lambda n: f"{n:064x}")
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(hours=24))


class AddressChangeFactory(DjangoModelFactory):
    class Meta:
        model = AddressChange

    user = factory.SubFactory(UserFactory)
    old_email = "old@example.org"
    new_email = factory.LazyAttribute(lambda row: row.user.email)


class NotificationChoiceFactory(DjangoModelFactory):
    class Meta:
        model = NotificationChoice

    user = factory.SubFactory(UserFactory)
    kind = "alarm"


class BillingDetailsFactory(DjangoModelFactory):
    class Meta:
        model = BillingDetails

    team = factory.SubFactory(TeamFactory)
    name = "Nordlys AS"


class TeamDomainFactory(DjangoModelFactory):
    class Meta:
        model = TeamDomain

    team = factory.SubFactory(TeamFactory)
    purpose = TeamDomain.Purpose.ENROLMENT
    domain = factory.Sequence(lambda n: f"company{n}.example")
    token = "0123456789abcdef"


class BrandFactory(DjangoModelFactory):
    class Meta:
        model = Brand

    team = factory.SubFactory(TeamFactory)
    portal_name = factory.Sequence(lambda n: f"Portal {n}")


class BrandPictureFactory(DjangoModelFactory):
    class Meta:
        model = BrandPicture

    team = factory.SubFactory(TeamFactory)
    kind = BrandPicture.Kind.LOGO_LIGHT
    size = "page"
    key = factory.Sequence(lambda n: f"{n:064x}")
    width = height = 2
    content = b"\x89PNG"


class FormerHandleFactory(DjangoModelFactory):
    class Meta:
        model = FormerHandle

    team = factory.SubFactory(TeamFactory)
    handle = factory.Sequence(lambda n: f"former-{n}")


class EnrolmentFactory(DjangoModelFactory):
    class Meta:
        model = Enrolment

    team = factory.SubFactory(TeamFactory)
    user = factory.SubFactory(UserFactory)


class AuditEntryFactory(DjangoModelFactory):
    class Meta:
        model = AuditEntry

    team = factory.SubFactory(TeamFactory)
    content_type = factory.LazyFunction(lambda: ContentType.objects.get_for_model(Team))
    object_pk, object_repr, action = "1", "CPMS", 1
    actor_email = "somebody@example.org"


class GatewayNodeFactory(DjangoModelFactory):
    class Meta:
        model = GatewayNode

    name = factory.Sequence(lambda n: f"node-{n}")


class StationFactory(DjangoModelFactory):
    class Meta:
        model = ChargingStation

    team = factory.SubFactory(TeamFactory)
    identity = factory.Sequence(lambda n: f"CP-{n:05d}")
    password = b"0123456789abcdef"
    registration = ChargingStation.Registration.ACCEPTED
    vendor, model, serial_number = "Maker", "Wallbox 2", factory.Sequence(lambda n: f"SN{n}")


class ConnectorFactory(DjangoModelFactory):
    class Meta:
        model = Connector

    station = factory.SubFactory(StationFactory)
    number = factory.Sequence(lambda n: n + 1)
    status = Connector.Status.AVAILABLE


class TagFactory(DjangoModelFactory):
    class Meta:
        model = Tag

    team = factory.SubFactory(TeamFactory)
    value = factory.Sequence(lambda n: f"TAG{n:06d}")


class RefusedTagFactory(DjangoModelFactory):
    class Meta:
        model = RefusedTag

    team = factory.SubFactory(TeamFactory)
    value = factory.Sequence(lambda n: f"NOBODY{n:06d}")
    reason = RefusedTag.Reason.UNKNOWN
    first_at = last_at = factory.LazyFunction(timezone.now)


class SessionFactory(DjangoModelFactory):
    """An open session, or with `finished=True` one that has ended."""

    class Meta:
        model = ChargingSession

    class Params:
        finished = factory.Trait(
            stopped_at=factory.LazyAttribute(lambda session: session.started_at + timedelta(hours=1)),
            meter_stop_wh=factory.LazyAttribute(lambda session: session.meter_start_wh + 7000),
            energy_wh=7000,
            stop_reason="Local",
            closed_by=ChargingSession.ClosedBy.STATION,
        )

    station = factory.SubFactory(StationFactory)
    team = factory.SelfAttribute("station.team")
    connector_number = 1
    id_tag = factory.Sequence(lambda n: f"TAG{n:06d}")
    started_at = factory.Sequence(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n))
    start_received_at = factory.SelfAttribute("started_at")
    meter_start_wh = 1000


class ReadingFactory(DjangoModelFactory):
    class Meta:
        model = MeterReading

    session = factory.SubFactory(SessionFactory)
    station = factory.SelfAttribute("session.station")
    connector_number = factory.SelfAttribute("session.connector_number")
    at = factory.Sequence(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n))
    values = factory.LazyFunction(lambda: [{"value": "1500", "measurand": "Energy.Active.Import.Register"}])
    energy_wh = 1500


class TeamPowerFactory(DjangoModelFactory):
    class Meta:
        model = TeamPower

    team = factory.SubFactory(TeamFactory)
    at = factory.Sequence(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n))
    power_w = 11_000
    session_count = 1


class CommandFactory(DjangoModelFactory):
    class Meta:
        model = Command

    station = factory.SubFactory(StationFactory)
    kind = Command.Kind.RESET
    parameters = factory.LazyFunction(lambda: {"type": "Soft"})
    action = "Reset"
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=5))


class MessageFactory(DjangoModelFactory):
    class Meta:
        model = Message

    station = factory.SubFactory(StationFactory)
    direction = Message.Direction.FROM_STATION
    action = "Heartbeat"
    message_id = factory.Sequence(str)
    payload, answer = "{}", '{"currentTime": "2026-01-01T00:00:00Z"}'


class InboxEntryFactory(DjangoModelFactory):
    class Meta:
        model = InboxEntry

    class Params:
        message = factory.SubFactory(MessageFactory)
        failed = factory.Trait(failed_at=factory.LazyFunction(timezone.now), error="ValueError: no such thing")

    message_id = factory.SelfAttribute("message.pk")
    station = factory.SelfAttribute("message.station")
    received_at = factory.SelfAttribute("message.received_at")
    shard = 0


class OddityFactory(DjangoModelFactory):
    class Meta:
        model = Oddity

    station = factory.SubFactory(StationFactory)
    kind = Oddity.Kind.POISON
    digest = factory.Sequence(lambda n: f"{n:064x}")


class StationLinkFactory(DjangoModelFactory):
    class Meta:
        model = StationLink

    station = factory.SubFactory(StationFactory)
    epoch = factory.Sequence(lambda n: n + 1)
    node = "node-1"


class RefusedConnectionFactory(DjangoModelFactory):
    class Meta:
        model = RefusedConnection

    cause = RefusedConnection.Cause.WRONG_CREDENTIALS
    path = factory.Sequence(lambda n: f"/ocpp/CP-{n}")
    hour = first_at = last_at = factory.LazyFunction(timezone.now)


class UnnamedProxyFactory(DjangoModelFactory):
    class Meta:
        model = UnnamedProxy

    address = factory.Sequence(lambda n: f"192.0.2.{n}")


class DeviationFactory(DjangoModelFactory):
    class Meta:
        model = Deviation

    station = factory.SubFactory(StationFactory)
    action, code = "StatusNotification", "PropertyConstraintViolation"
    what = factory.Sequence(lambda n: f"field{n}: enum")


class SecurityEventFactory(DjangoModelFactory):
    class Meta:
        model = SecurityEvent

    station = factory.SubFactory(StationFactory)
    type = "TamperDetectionActivated"
    at = factory.LazyFunction(timezone.now)


class AlarmMailFactory(DjangoModelFactory):
    class Meta:
        model = AlarmMail

    team = factory.SubFactory(TeamFactory)
    user = factory.SubFactory(UserFactory)
    subject, body = "1 security alarm at CP-1", "Look into it."


def report_security_event(station, type_="TamperDetectionActivated"):
    """Record a security event as the drain does, with a notification event if it is critical."""
    now = timezone.now()
    record_security_events([SecurityNotice(station.pk, type_, now, "", now)])


class EventFactory(DjangoModelFactory):
    class Meta:
        model = Event

    kind = Event.Kind.FAULT
    station = factory.SubFactory(StationFactory)
    team = factory.SelfAttribute("station.team")
    data = factory.LazyAttribute(lambda row: {"station": row.station.identity, "connector": 1, "code": "GroundFailure"})


class NotificationFactory(DjangoModelFactory):
    class Meta:
        model = Notification

    user = factory.SubFactory(UserFactory)
    kind = Notification.Kind.FAULT
    key = factory.Sequence(lambda n: f"fault-{n}")
    parameters = factory.LazyFunction(lambda: {"station": "CP-1", "connector": 1, "code": "GroundFailure"})
    link = "/stations/"


class ProgressReportFactory(DjangoModelFactory):
    class Meta:
        model = ProgressReport

    station = factory.SubFactory(StationFactory)
    job = ProgressReport.Job.FIRMWARE
    status = "Downloading"
    received_at = factory.LazyFunction(timezone.now)
    message_id = factory.Sequence(lambda n: n + 1)


class CertificateRequestFactory(DjangoModelFactory):
    class Meta:
        model = CertificateRequest

    station = factory.SubFactory(StationFactory)
    csr = "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----"
    digest = factory.Sequence(lambda n: f"{n:064x}")


class InboxShardFactory(DjangoModelFactory):
    class Meta:
        model = InboxShard

    number = factory.Sequence(lambda n: 1000 + n)  # higher than those of a running gateway


class InstallationFactory(DjangoModelFactory):
    class Meta:
        model = Installation

    team = factory.SubFactory(TeamFactory)
    name = factory.Sequence(lambda n: f"Site {n}")


class GrantFactory(DjangoModelFactory):
    """A grant on a station or an installation, to a user, or to `to_team` if `user` is None."""

    class Meta:
        model = Grant

    team = factory.LazyAttribute(lambda grant: (grant.station or grant.installation).team)
    station = None
    installation = None
    to_team = None
    user = factory.SubFactory(UserFactory)
    role = "owner"


class CircuitFactory(DjangoModelFactory):
    class Meta:
        model = Circuit

    installation = factory.SubFactory(InstallationFactory)
    name = factory.Sequence(lambda n: f"Circuit {n}")
    max_current_a = 63


class StationGroupFactory(DjangoModelFactory):
    class Meta:
        model = StationGroup

    user = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"Group {n}")


class SavedViewFactory(DjangoModelFactory):
    class Meta:
        model = SavedView

    user = factory.SubFactory(UserFactory)
    list_name = "stations"
    name = factory.Sequence(lambda n: f"View {n}")


class InvitationFactory(DjangoModelFactory):
    class Meta:
        model = Invitation

    team = factory.SubFactory(TeamFactory)
    email = factory.Sequence(lambda n: f"invited{n}@example.org")
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=14))
    token_hash = factory.Sequence(lambda n: f"{n:064x}")


class AccountMailFactory(DjangoModelFactory):
    class Meta:
        model = AccountMail

    kind, email = AccountMail.Kind.RESET, "nobody@example.org"

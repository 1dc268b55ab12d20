"""Re-export the models of this app for other apps and for Django."""

from maintenance.certificates.models import CertificateRequest, CertificateRequestQuerySet
from maintenance.connections.models import (
    Deviation,
    DeviationQuerySet,
    RefusedConnection,
    RefusedConnectionQuerySet,
    StationLink,
    StationLinkQuerySet,
    UnnamedProxy,
)
from maintenance.diagnostics.models import ProgressReport, ProgressReportQuerySet
from maintenance.messages.models import InboxEntry, InboxShard, Message, MessageQuerySet
from maintenance.notifications.models import AlarmMail, Notification, NotificationChoice, NotificationQuerySet
from maintenance.security_events.models import SecurityEvent, SecurityEventQuerySet

__all__ = [
    "AlarmMail",
    "CertificateRequest",
    "CertificateRequestQuerySet",
    "Deviation",
    "DeviationQuerySet",
    "InboxEntry",
    "InboxShard",
    "Message",
    "MessageQuerySet",
    "Notification",
    "NotificationChoice",
    "NotificationQuerySet",
    "ProgressReport",
    "ProgressReportQuerySet",
    "RefusedConnection",
    "RefusedConnectionQuerySet",
    "SecurityEvent",
    "SecurityEventQuerySet",
    "StationLink",
    "StationLinkQuerySet",
    "UnnamedProxy",
]

"""What is kept about stations' connections, messages and reports."""

from maintenance.models.connections import (
    Deviation,
    DeviationQuerySet,
    RefusedConnection,
    RefusedConnectionQuerySet,
    StationLink,
    StationLinkQuerySet,
    UnnamedProxy,
)
from maintenance.models.events import (
    AlarmMail,
    CertificateRequest,
    CertificateRequestQuerySet,
    Notification,
    NotificationChoice,
    NotificationQuerySet,
    ProgressReport,
    ProgressReportQuerySet,
    SecurityEvent,
    SecurityEventQuerySet,
)
from maintenance.models.messages import (
    InboxEntry,
    InboxShard,
    Message,
    MessageQuerySet,
)

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

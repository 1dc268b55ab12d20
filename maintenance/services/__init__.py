from maintenance.certificates.services import record_certificate_request
from maintenance.connections.services.deviations import Deviated, count_deviations
from maintenance.connections.services.refusals import Refusal, record_refusal
from maintenance.diagnostics.services import Progress, record_progress
from maintenance.messages.services.inbox import retry_failed
from maintenance.messages.services.partitions import drop_old_messages, prepare_partitions
from maintenance.notifications.services.alarms import retry_mails, send_alarms
from maintenance.notifications.services.notifications import (
    KINDS_WITH_MAIL,
    choose_notifications,
    chosen_notifications,
    mark_read,
    notification_of,
    notify,
)
from maintenance.retention.services import keep_house
from maintenance.security_events.services import (
    SecurityNotice,
    acknowledge_events,
    record_card_search,
    record_security_events,
)

__all__ = [
    "KINDS_WITH_MAIL",
    "Deviated",
    "Progress",
    "Refusal",
    "SecurityNotice",
    "acknowledge_events",
    "choose_notifications",
    "chosen_notifications",
    "count_deviations",
    "drop_old_messages",
    "keep_house",
    "mark_read",
    "notification_of",
    "notify",
    "prepare_partitions",
    "record_card_search",
    "record_certificate_request",
    "record_progress",
    "record_refusal",
    "record_security_events",
    "retry_failed",
    "retry_mails",
    "send_alarms",
]

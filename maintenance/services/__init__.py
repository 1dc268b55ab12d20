from maintenance.services.alarms import acknowledge_events, retry_mails, send_alarms
from maintenance.services.deviations import Deviated, count_deviations
from maintenance.services.house import drop_old_messages, keep_house, prepare_partitions
from maintenance.services.inbox import retry_failed
from maintenance.services.notifications import (
    KINDS_WITH_MAIL,
    choose_notifications,
    chosen_notifications,
    mark_read,
    notification_of,
    notify,
)
from maintenance.services.refusals import Refusal, record_refusal
from maintenance.services.reports import (
    Progress,
    SecurityNotice,
    record_card_search,
    record_certificate_request,
    record_progress,
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

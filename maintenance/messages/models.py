"""The message log, and the inbox of messages that wait to be applied."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from chargers.models import ChargingStation
from chargers.vocabulary import FREQUENT_MESSAGES
from cpms.common.models import OfStationsQuerySet
from maintenance.messages.actions import canonical_action

INCLUDED = ["station", "received_at"]  # columns that partial indexes include, for scope and period


class MessageQuerySet(OfStationsQuerySet):
    right = Can.SEE_MESSAGES

    def of_action(self, action: str) -> Self:
        """Filter by action; the case of actions that OCPP defines does not matter."""
        return self.filter(action=canonical_action(action))

    def errors(self) -> Self:
        return self.exclude(error_code="")


class Message(models.Model):
    """An OCPP CALL in either direction, with its answer. Append-only; partitioned by day on PostgreSQL."""

    class Direction(models.TextChoices):
        FROM_STATION = "in", _("from the station")
        TO_STATION = "out", _("to the station")

    station = models.ForeignKey(
        ChargingStation,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("station"),
    )
    received_at = models.DateTimeField(_("time"), default=timezone.now)
    direction = models.CharField(_("direction"), max_length=3, choices=Direction.choices)
    action = models.CharField(_("action"), max_length=60, blank=True)
    message_id = models.CharField(_("message id"), max_length=64, blank=True)
    payload = models.TextField(_("payload"), blank=True)  # as sent, JSON text
    answer = models.TextField(_("answer"), blank=True)  # JSON text of the CALLRESULT, or the CALLERROR's details
    error_code = models.CharField(_("error"), max_length=60, blank=True)
    epoch = models.BigIntegerField(_("connection epoch"), default=0)
    protocol = models.CharField(_("protocol"), max_length=8, default="1.6", db_default="1.6")
    is_deviating = models.BooleanField(_("deviates from the schema"), default=False, db_default=False)
    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["station", "-id"], name="message_station_newest"),
            models.Index(fields=["-received_at", "-id"], name="message_newest"),
            # partial indexes for the few messages that are searched for: most messages are in none of them
            models.Index(fields=["-id"], include=INCLUDED, condition=~Q(error_code=""), name="message_error"),
            models.Index(fields=["-id"], include=INCLUDED, condition=Q(direction="out"), name="message_to_station"),
            models.Index(
                fields=["action", "-id"],
                include=INCLUDED,
                condition=~Q(action__in=list(FREQUENT_MESSAGES)),
                name="message_rare_action",
            ),
        ]
        verbose_name, verbose_name_plural = _("message"), _("messages")

    def __str__(self) -> str:
        return f"{self.action} · {self.received_at:%Y-%m-%d %H:%M:%S}"


class InboxEntry(models.Model):
    """A stored and answered message that is not applied yet. The row is deleted once applied; a failed one stays."""

    message_id = models.BigIntegerField(_("message"), primary_key=True)
    station = models.ForeignKey(
        ChargingStation,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("station"),
    )
    shard = models.PositiveSmallIntegerField(_("shard"))
    protocol = models.CharField(_("protocol"), max_length=8, default="1.6")
    received_at = models.DateTimeField(_("received"))
    # read the payload leniently
    is_deviating = models.BooleanField(_("deviates from the schema"), default=False, db_default=False)
    failed_at = models.DateTimeField(_("failed"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        ordering = ["message_id"]
        indexes = [
            models.Index(fields=["shard", "message_id"], condition=Q(failed_at__isnull=True), name="inbox_waiting"),
            models.Index(fields=["failed_at"], condition=Q(failed_at__isnull=False), name="inbox_failed"),
        ]
        verbose_name, verbose_name_plural = _("inbox entry"), _("inbox")

    def __str__(self) -> str:
        return str(self.message_id)


class InboxShard(models.Model):
    """The lock of one part of the inbox: one worker at a time keeps the messages of a station in order."""

    number = models.PositiveSmallIntegerField(primary_key=True)

    class Meta:
        verbose_name, verbose_name_plural = _("inbox shard"), _("inbox shards")

    def __str__(self) -> str:
        return str(self.number)

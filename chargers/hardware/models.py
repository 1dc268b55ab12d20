"""The catalogue of hardware models: what a kind of station can deliver, by its data sheet."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from chargers.vocabulary import ConnectorFormat, ConnectorStandard, PowerType


class HardwareModel(models.Model):
    """A kind of station. Its ratings are proposed for new stations, and are the limits of what is plausible."""

    vendor = models.CharField(_("vendor"), max_length=80)
    name = models.CharField(_("model"), max_length=120)
    quirks = models.TextField(
        _("peculiarities"), max_length=2000, blank=True, help_text=_("What to know when setting it up or operating it.")
    )
    data_sheet = models.URLField(_("data sheet"), max_length=300, blank=True)

    class Meta:
        ordering = ["vendor", "name"]
        constraints = [
            models.UniqueConstraint(
                Upper("vendor"),
                Upper("name"),
                name="hardware_model_once",
                violation_error_message=_("This model is in the catalogue already."),
            ),
            models.CheckConstraint(
                condition=~Q(vendor="") & ~Q(name=""),
                name="hardware_model_named",
                violation_error_message=_("A hardware model needs a vendor and a name."),
            ),
        ]
        verbose_name, verbose_name_plural = _("hardware model"), _("hardware models")

    def __str__(self) -> str:
        return f"{self.vendor} {self.name}"


class HardwareConnector(models.Model):
    """A connector that every station of a hardware model has."""

    hardware_model = models.ForeignKey(
        HardwareModel, on_delete=models.CASCADE, related_name="connectors", verbose_name=_("hardware model")
    )
    number = models.PositiveSmallIntegerField(_("number"), validators=[MinValueValidator(1)])
    evse_number = models.PositiveSmallIntegerField(
        _("EVSE"),
        validators=[MinValueValidator(1)],
        help_text=_("Connectors with the same EVSE number cannot charge at the same time."),
    )
    standard = models.CharField(_("type"), max_length=30, choices=ConnectorStandard.choices)
    format = models.CharField(_("format"), max_length=6, choices=ConnectorFormat.choices)
    power_type = models.CharField(_("current"), max_length=10, choices=PowerType.choices)
    max_voltage_v = models.PositiveSmallIntegerField(_("highest voltage (V)"), validators=[MaxValueValidator(1500)])
    max_current_a = models.PositiveSmallIntegerField(
        _("highest current (A)"), help_text=_("Of the connector: per phase for AC, of the cable for DC.")
    )
    max_power_w = models.PositiveIntegerField(_("rated power (W)"))

    class Meta:
        ordering = ["hardware_model", "number"]
        constraints = [
            models.UniqueConstraint(fields=["hardware_model", "number"], name="hardware_connector_once"),
            models.CheckConstraint(
                condition=Q(number__gte=1, evse_number__gte=1),
                name="hardware_connector_from_one",
                violation_error_message=_("Connectors and EVSEs are numbered from 1."),
            ),
        ]
        verbose_name, verbose_name_plural = _("connector of a hardware model"), _("connectors of a hardware model")

    def __str__(self) -> str:
        return f"{self.hardware_model} · {self.number}"

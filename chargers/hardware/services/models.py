"""Find hardware models in the catalogue."""

from __future__ import annotations

from django.db.models import Value
from django.db.models.functions import Concat, Upper

from chargers.hardware.models import HardwareModel


def find_hardware_model(name: str) -> HardwareModel | None:
    """Return the model with this vendor and name, written as "Alfen Eve Double Pro-line" in any case, or None."""
    named = HardwareModel.objects.annotate(full_name=Upper(Concat("vendor", Value(" "), "name")))
    return named.filter(full_name=" ".join(name.split()).upper()).first()

"""Find and save the hardware models of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Concat, Upper

from chargers.hardware.models import HardwareConnector, HardwareModel
from cpms.common.errors import DomainError


def find_hardware_model(name: str) -> HardwareModel | None:
    """Return the model with this vendor and name, written as "Alfen Eve Double Pro-line" in any case, or None."""
    named = HardwareModel.objects.annotate(full_name=Upper(Concat("vendor", Value(" "), "name")))
    return named.filter(full_name=" ".join(name.split()).upper()).first()


@transaction.atomic
def save_hardware_model(
    *,
    model: HardwareModel | None,
    vendor: str,
    name: str,
    quirks: str = "",
    data_sheet: str = "",
    connectors: Sequence[Mapping[str, Any]] | None,
) -> HardwareModel:
    """Add a model to the catalogue, or edit one. The caller has checked that the actor is support staff.

    Args:
        connectors: the fields of HardwareConnector for each connector; None: they stay as they are.

    Raises:
        DomainError: a value is wrong, or the model is in the catalogue already (`fields` names which).
    """
    row = HardwareModel() if model is None else HardwareModel.objects.select_for_update().get(pk=model.pk)
    row.vendor, row.name, row.quirks, row.data_sheet = vendor.strip(), name.strip(), quirks, data_sheet
    _clean(row)
    row.save()
    if connectors is not None:
        row.connectors.all().delete()
        for fields in connectors:
            connector = HardwareConnector(hardware_model=row, **fields)
            _clean(connector)
            connector.save()
    return row


def _clean(row: Any) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        name, texts = next(iter(error.message_dict.items()))
        raise DomainError(texts[0], fields={name: texts[0]}) from None

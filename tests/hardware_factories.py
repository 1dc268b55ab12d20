"""Factories of what describes the hardware of a station: models, EVSEs and pictures."""

import io

import factory
from factory.django import DjangoModelFactory
from PIL import Image

from chargers.models import Evse, HardwareConnector, HardwareModel, StationPicture
from tests.factories import StationFactory


class HardwareModelFactory(DjangoModelFactory):
    class Meta:
        model = HardwareModel

    vendor = "Example"
    name = factory.Sequence(lambda n: f"Wall box {n}")


class HardwareConnectorFactory(DjangoModelFactory):
    class Meta:
        model = HardwareConnector

    hardware_model = factory.SubFactory(HardwareModelFactory)
    number = evse_number = 1
    standard, format, power_type = "IEC_62196_T2", "SOCKET", "AC_3_PHASE"
    max_voltage_v, max_current_a, max_power_w = 400, 32, 22_000


class EvseFactory(DjangoModelFactory):
    class Meta:
        model = Evse

    station = factory.SubFactory(StationFactory)
    number = 1
    evse_id = factory.Sequence(lambda n: f"DE*ABC*E{n}")


def jpeg(width: int = 64, height: int = 48) -> bytes:
    """Return a small picture as a JPEG file."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), "green").save(out, "JPEG")
    return out.getvalue()


class StationPictureFactory(DjangoModelFactory):
    class Meta:
        model = StationPicture

    station = factory.SubFactory(StationFactory)
    position, width, height = 1, 64, 48
    content = factory.LazyFunction(jpeg)

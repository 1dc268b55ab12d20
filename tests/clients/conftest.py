"""The same house as in tests/ocpp."""

from tests.ocpp.conftest import _inside, house

__all__ = ["_inside", "house"]

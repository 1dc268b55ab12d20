"""The same house as in tests/ocpp."""

from tests.ocpp.conftest import house, inside

__all__ = ["house", "inside"]

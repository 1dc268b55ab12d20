"""The same house as in tests/ocpp."""

from tests.ocpp_gateway.conftest import house, inside

__all__ = ["house", "inside"]

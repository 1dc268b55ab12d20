"""The same system as in tests/ocpp."""

from tests.ocpp_gateway.conftest import inside, system

__all__ = ["inside", "system"]

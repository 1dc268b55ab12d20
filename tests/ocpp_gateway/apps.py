"""An app for the gateways and workers of the suite, which makes the second version known to them."""

from django.apps import AppConfig


class SecondVersionConfig(AppConfig):
    name, label = "tests.ocpp_gateway", "second_version"

    def ready(self) -> None:
        from ocpp_gateway import codec
        from tests.ocpp_gateway.second_version import SecondVersion

        codec.register(SecondVersion())

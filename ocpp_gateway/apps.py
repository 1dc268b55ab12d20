from django.apps import AppConfig


class OcppGatewayConfig(AppConfig):
    name = "ocpp_gateway"
    verbose_name = "OCPP gateway"

    def ready(self) -> None:
        """Tell `operations` which codecs there are, so that a wrong command is refused when it is asked for."""
        from ocpp_gateway.v16.commands import COMMANDS_V16
        from operations.codecs import register

        register(COMMANDS_V16)

from django.apps import AppConfig


class OcppGatewayConfig(AppConfig):
    name = "ocpp_gateway"
    verbose_name = "OCPP gateway"

    def ready(self) -> None:
        """Register the supported OCPP versions, for the gateway and for `chargers.protocols`."""
        from ocpp_gateway import codec
        from ocpp_gateway.v16.codec import CodecV16

        codec.register(CodecV16())

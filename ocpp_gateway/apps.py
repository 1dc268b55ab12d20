from django.apps import AppConfig


class OcppGatewayConfig(AppConfig):
    name = "ocpp_gateway"
    verbose_name = "OCPP gateway"

    def ready(self) -> None:
        """Make the versions known, here and to `operations`, which refuses a wrong command when it is asked for."""
        from ocpp_gateway import codec
        from ocpp_gateway.v16.codec import CodecV16
        from ocpp_gateway.v16.technical import TechnicalV16
        from operations import codecs
        from sessions import technical

        for version in (CodecV16(),):
            codec.register(version)
            codecs.register(version.commands)
        technical.register(TechnicalV16())

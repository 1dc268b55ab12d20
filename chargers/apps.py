from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChargersConfig(AppConfig):
    name = "chargers"
    label = "chargers"
    verbose_name = _("Stations")

    def ready(self) -> None:
        from accounts.members.services import grant_listeners
        from chargers import audited
        from chargers.events import services

        audited.register()
        grant_listeners.register(services.record_access)

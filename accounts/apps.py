from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    label = "accounts"
    verbose_name = _("Users and teams")

    def ready(self) -> None:
        from accounts import audited
        from accounts.audit import services as audit_services
        from accounts.lists import services as list_services
        from cpms.common.web import downloads, list_settings

        audited.register()
        downloads.register(audit_services.record_download)
        list_settings.register(list_services.settings_of)

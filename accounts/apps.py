from django.apps import AppConfig
from django.db.models.signals import pre_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    label = "accounts"
    verbose_name = _("People and teams")

    def ready(self) -> None:
        from accounts import audit
        from cpms.common import old_databases
        from cpms.common.web import downloads

        audit.register()
        downloads.register(audit.note_download)
        pre_migrate.connect(old_databases.refuse_halfway, sender=self)

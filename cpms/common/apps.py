from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "cpms.common"
    label = "common"

    def ready(self) -> None:
        from cpms.common.database import lookups  # noqa: F401 - registers the lookups

"""Models of the site itself: its texts, and the third-party tools that a visitor may allow."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from cpms.common.database.process_cache import CachedModel, cached
from cpms.common.web.languages import languages

HOOKS, TEXTS = "hooks", "texts"


def origin_of(address: str) -> str:
    """Return the origin (scheme, host and port) of an https address, or an empty text for other addresses."""
    parts = urlsplit(address)
    return f"https://{parts.netloc}" if parts.scheme == "https" and parts.netloc else ""


def _check_origin(address: str) -> None:
    if origin_of(address) not in settings.HOOK_ORIGINS:
        allowed = ", ".join(settings.HOOK_ORIGINS) or "-"
        raise ValidationError(_("Only these origins are allowed (HOOK_ORIGINS): %(allowed)s") % {"allowed": allowed})


class SiteText(CachedModel):
    """A text of the site's operator in one language. Blank lines separate paragraphs; there is no markup."""

    class Kind(models.TextChoices):
        IMPRINT = "imprint", _("Imprint")
        COPYRIGHT = "copyright", _("Copyright line")

    cache_keys = (TEXTS,)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    language = models.CharField(_("language"), max_length=10, choices=languages)
    text = models.TextField(_("text"), max_length=20_000)

    class Meta:
        ordering = ["kind", "language"]
        constraints = [models.UniqueConstraint(fields=["kind", "language"], name="site_text_once_per_language")]
        verbose_name, verbose_name_plural = _("site text"), _("site texts")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.get_language_display()}"


class SiteHook(CachedModel):
    """A third-party script, for example for visit statistics. It is loaded only for visitors who have allowed it."""

    class Category(models.TextChoices):
        STATISTICS = "statistics", _("Statistics")
        COMFORT = "comfort", _("Comfort")
        MARKETING = "marketing", _("Marketing")

    cache_keys = (HOOKS,)
    name = models.CharField(_("name"), max_length=80, unique=True)
    purpose = models.TextField(
        _("purpose"), max_length=1000, help_text=_("Which data it processes and why, and who receives the data.")
    )
    category = models.CharField(_("category"), max_length=12, choices=Category.choices)
    script_url = models.URLField(_("script"), max_length=300, validators=[_check_origin])
    connects_to = models.CharField(
        _("connects to"), max_length=500, blank=True, help_text=_("Origins it sends data to, separated by spaces.")
    )
    is_active = models.BooleanField(_("offered"), default=True)

    class Meta:
        ordering = ["category", "name"]
        verbose_name, verbose_name_plural = _("third-party tool"), _("third-party tools")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        for address in self.connects_to.split():
            try:
                _check_origin(address)
            except ValidationError as error:
                raise ValidationError({"connects_to": error.messages}) from None

    @property
    def sources(self) -> list[str]:
        """The origins it may load from and send to, for the content security policy."""
        return list(dict.fromkeys(filter(None, map(origin_of, [self.script_url, *self.connects_to.split()]))))


class PrivacyChoice(models.Model):
    """The third-party tools that a user has allowed."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="privacy_choice", verbose_name=_("person")
    )
    hooks = models.ManyToManyField(SiteHook, blank=True, related_name="choices", verbose_name=_("allowed"))
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        ordering = ["-changed_at"]
        verbose_name, verbose_name_plural = _("privacy choice"), _("privacy choices")

    def __str__(self) -> str:
        return str(self.user)


def hooks_offered() -> list[SiteHook]:
    """Return the active third-party tools whose origin is allowed by HOOK_ORIGINS."""
    rows: list[SiteHook] = cached(HOOKS, lambda: list(SiteHook.objects.filter(is_active=True)))
    return [hook for hook in rows if origin_of(hook.script_url) in settings.HOOK_ORIGINS]


def _texts() -> dict[tuple[str, str], str]:
    rows = SiteText.objects.values_list("kind", "language", "text")
    return {(kind, language): text for kind, language, text in rows}


def site_text(kind: str) -> str:
    """Return a text in the language of the page, else in the default language, else in any; empty if there is none."""
    texts: dict[tuple[str, str], str] = cached(TEXTS, _texts)
    language = (get_language() or settings.LANGUAGE_CODE)[:2]
    others = (text for (of, _language), text in sorted(texts.items()) if of == kind)
    return texts.get((kind, language)) or texts.get((kind, settings.LANGUAGE_CODE)) or next(others, "")

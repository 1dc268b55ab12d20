"""A team's branding of the portal: name, colour, pictures and support contact."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.branding import contrast
from accounts.teams.models import BRANDINGS, Team, TeamOwnedQuerySet
from cpms.common.database.process_cache import CachedModel

COLOUR = r"^(#[0-9a-f]{6})?$"
check_colour = RegexValidator(COLOUR, _("Enter a colour like #0b6e4f."))
check_phone = RegexValidator(r"^(\+?[0-9 ()/.-]{4,40})?$", _("Enter a phone number like +47 22 00 00 00."))


class Brand(CachedModel):
    """The branding of a team. Empty fields, and teams without a row, use the default branding."""

    cache_keys = (BRANDINGS,)
    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="brand", verbose_name=_("team"))
    portal_name = models.CharField(_("portal name"), max_length=40, blank=True)
    accent = models.CharField(_("colour"), max_length=7, blank=True, validators=[check_colour])
    accent_dark = models.CharField(
        _("colour on dark pages"),
        max_length=7,
        blank=True,
        validators=[check_colour],
        help_text=_("If empty, the colours of both themes are derived from the one above."),
    )
    support_email = models.EmailField(_("support e-mail"), max_length=254, blank=True)
    support_phone = models.CharField(_("support phone"), max_length=40, blank=True, validators=[check_phone])
    imprint_url = models.URLField(_("URL of the imprint"), max_length=300, blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)
    objects = TeamOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["team"]
        constraints = [
            models.CheckConstraint(
                condition=Q(accent__regex=COLOUR) & Q(accent_dark__regex=COLOUR),
                name="brand_colour_is_one",
                violation_error_message=_("Enter a colour like #0b6e4f."),
            ),
            models.CheckConstraint(
                condition=Q(accent_dark="") | ~Q(accent=""),
                name="brand_dark_colour_is_second",
                violation_error_message=_("Choose a colour for light mode first."),
            ),
        ]
        verbose_name, verbose_name_plural = _("branding"), _("brandings")

    def __str__(self) -> str:
        return str(self.team)

    def clean(self) -> None:
        """Check the contrast of two chosen colours. A single colour is adjusted instead."""
        if self.accent_dark and not self.accent:
            raise ValidationError({"accent": _("Choose this colour too.")})
        if self.accent_dark:
            failures = {"accent": contrast.LIGHT.explain_failure(self.accent)}
            failures["accent_dark"] = contrast.DARK.explain_failure(self.accent_dark)
            if errors := {name: failure for name, failure in failures.items() if failure}:
                raise ValidationError(errors)

    def palettes(self) -> tuple[contrast.Palette, contrast.Palette] | None:
        """Return the palettes of light and dark pages; None for the default colours."""
        return contrast.palettes(self.accent, self.accent_dark) if self.accent else None


class BrandPicture(CachedModel):
    """One size of a picture that a team uploaded, drawn again so that nothing else of the file remains.

    It is stored in the database so that every web process can serve it. The key is part of its public URL. It cannot be
    guessed and changes with the content, so browsers may cache the picture indefinitely.
    """

    class Kind(models.TextChoices):
        LOGO_LIGHT = "logo_light", _("Logo on light pages")
        LOGO_DARK = "logo_dark", _("Logo on dark pages")
        ICON = "icon", _("Icon")

    cache_keys = (BRANDINGS,)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="brand_pictures", verbose_name=_("team"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    size = models.CharField(_("size"), max_length=8)
    key = models.CharField(max_length=64, unique=True, editable=False)
    width = models.PositiveSmallIntegerField(_("width"), help_text=_("Pixels."))
    height = models.PositiveSmallIntegerField(_("height"), help_text=_("Pixels."))
    content = models.BinaryField(editable=False)
    created_at = models.DateTimeField(_("uploaded"), default=timezone.now, editable=False)
    objects = TeamOwnedQuerySet.as_manager()

    class Meta:
        ordering = ["team", "kind", "size"]
        constraints = [models.UniqueConstraint(fields=["team", "kind", "size"], name="brand_picture_once_per_size")]
        verbose_name, verbose_name_plural = _("branding picture"), _("branding pictures")

    def __str__(self) -> str:
        return f"{self.team} · {self.get_kind_display()} · {self.width}x{self.height}"

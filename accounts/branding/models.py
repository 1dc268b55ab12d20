"""A team's branding of the portal: name, colour, pictures and support contact."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.branding import contrast
from accounts.teams.models import LOOKS, OfTeamQuerySet, Team
from cpms.common.database.process_cache import CachedModel

COLOUR = r"^(#[0-9a-f]{6})?$"
check_colour = RegexValidator(COLOUR, _("A colour is written like #0b6e4f."))
check_phone = RegexValidator(r"^(\+?[0-9 ()/.-]{4,40})?$", _("A telephone number has digits, like +47 22 00 00 00."))


class Brand(CachedModel):
    """What a team has said of its look; what is empty is ours. Without a row everything is."""

    cache_keys = (LOOKS,)
    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="brand", verbose_name=_("team"))
    portal_name = models.CharField(_("name of the portal"), max_length=40, blank=True)
    accent = models.CharField(_("colour"), max_length=7, blank=True, validators=[check_colour])
    accent_dark = models.CharField(
        _("colour on dark pages"),
        max_length=7,
        blank=True,
        validators=[check_colour],
        help_text=_("Empty: both themes have a colour that is derived from the one above."),
    )
    support_email = models.EmailField(_("e-mail of the support"), max_length=254, blank=True)
    support_phone = models.CharField(_("telephone of the support"), max_length=40, blank=True, validators=[check_phone])
    imprint_url = models.URLField(_("address of the imprint"), max_length=300, blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)
    objects = OfTeamQuerySet.as_manager()

    class Meta:
        ordering = ["team"]
        constraints = [
            models.CheckConstraint(
                condition=Q(accent__regex=COLOUR) & Q(accent_dark__regex=COLOUR),
                name="brand_colour_is_one",
                violation_error_message=_("A colour is a hash and six digits, for example #3b5bdb."),
            ),
            models.CheckConstraint(
                condition=Q(accent_dark="") | ~Q(accent=""),
                name="brand_dark_colour_is_second",
                violation_error_message=_("Choose a colour for light mode first."),
            ),
        ]
        verbose_name, verbose_name_plural = _("look"), _("looks")

    def __str__(self) -> str:
        return str(self.team)

    def clean(self) -> None:
        """Two colours that were chosen must be readable as they are; one is made readable."""
        if self.accent_dark and not self.accent:
            raise ValidationError({"accent": _("Choose this colour too.")})
        if self.accent_dark:
            sentences = {"accent": contrast.LIGHT.sentence(self.accent)}
            sentences["accent_dark"] = contrast.DARK.sentence(self.accent_dark)
            if wrong := {name: sentence for name, sentence in sentences.items() if sentence}:
                raise ValidationError(wrong)

    def palettes(self) -> tuple[contrast.Palette, contrast.Palette] | None:
        """The colours of light and of dark pages; None where they are ours."""
        return contrast.palettes(self.accent, self.accent_dark) if self.accent else None


class BrandPicture(CachedModel):
    """One size of a picture that a team has uploaded, made anew by us: nothing of the uploaded file is in it.

    It is in the database so that every web process has it, and goes with its team. The key is in its public address: it
    cannot be guessed, and another picture has another one, so that browsers may keep it for ever.
    """

    class Kind(models.TextChoices):
        LOGO_LIGHT = "logo_light", _("Logo on light pages")
        LOGO_DARK = "logo_dark", _("Logo on dark pages")
        ICON = "icon", _("Icon")

    cache_keys = (LOOKS,)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="brand_pictures", verbose_name=_("team"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    size = models.CharField(_("size"), max_length=8)
    key = models.CharField(max_length=64, unique=True, editable=False)
    width = models.PositiveSmallIntegerField(_("width"), help_text=_("Pixels."))
    height = models.PositiveSmallIntegerField(_("height"), help_text=_("Pixels."))
    content = models.BinaryField(editable=False)
    created_at = models.DateTimeField(_("uploaded"), default=timezone.now, editable=False)
    objects = OfTeamQuerySet.as_manager()

    class Meta:
        ordering = ["team", "kind", "size"]
        constraints = [models.UniqueConstraint(fields=["team", "kind", "size"], name="brand_picture_once_per_size")]
        verbose_name, verbose_name_plural = _("picture of a look"), _("pictures of looks")

    def __str__(self) -> str:
        return f"{self.team} · {self.get_kind_display()} · {self.width}x{self.height}"

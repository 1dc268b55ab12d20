"""Forms of a team's settings, branding and domains."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.access.features import FEATURES
from accounts.branding.contrast import DARK, LIGHT, is_colour
from accounts.branding.models import Brand, BrandPicture, check_phone
from accounts.branding.services.pictures import MAX_BYTES
from accounts.team_settings.services.team import BILLING_FIELDS
from accounts.teams.models import BillingDetails, StationPasswords, Team
from cpms.common.web.countries import CountryField
from cpms.common.web.pictures import FILE_FORMATS

OUR_ACCENT = "#4338ca"  # initial values of the colour inputs
OUR_DARK_ACCENT = "#818cf8"


ACCEPT = ",".join(f"image/{kind.lower()}" for kind in FILE_FORMATS)


class Colours(models.TextChoices):
    """The choice of colours for the portal."""

    OURS = "ours", _("Default colours")
    ONE = "one", _("One colour, adapted for light and dark")
    TWO = "two", _("Two colours, one for light and one for dark pages")


class ColourInput(forms.TextInput):
    input_type = "color"

    def __init__(self) -> None:
        super().__init__(attrs={"class": "form-control-color", "data-live": ""})


def picture_field(label: Any, help_text: Any) -> forms.FileField:
    widget = forms.FileInput(attrs={"accept": ACCEPT, "data-picture": ""})
    return forms.FileField(label=label, required=False, widget=widget, help_text=help_text)


class BrandForm(forms.Form):
    portal_name = forms.CharField(
        label=_("Portal name"),
        max_length=40,
        required=False,
        help_text=_("Replaces 'CPMS' in titles and e-mails."),
        widget=forms.TextInput(attrs={"data-live": ""}),
    )
    logo_light = picture_field(
        _("Logo"), _("PNG, JPEG or WebP up to 1 MB, shown at up to 240 by 48 pixels. A transparent background is best.")
    )
    drop_logo_light = forms.BooleanField(label=_("Remove this logo"), required=False)
    logo_dark = picture_field(_("Logo for dark pages"), _("Without one, the logo is shown on white there."))
    drop_logo_dark = forms.BooleanField(label=_("Remove this logo"), required=False)
    icon = picture_field(_("Icon"), _("Square; for browser tabs and the home screen of a phone."))
    drop_icon = forms.BooleanField(label=_("Remove the icon"), required=False)
    colours = forms.ChoiceField(
        label=_("Colours"), choices=Colours.choices, widget=forms.RadioSelect(attrs={"data-live": ""})
    )
    accent = forms.CharField(label=_("Colour"), required=False, widget=ColourInput)
    accent_dark = forms.CharField(label=_("Colour on dark pages"), required=False, widget=ColourInput)
    support_email = forms.EmailField(
        label=_("Support e-mail"),
        max_length=254,
        required=False,
        help_text=_("Shown at the foot of pages; replies to e-mails go there."),
    )
    support_phone = forms.CharField(label=_("Support phone"), max_length=40, required=False, validators=[check_phone])
    imprint_url = forms.URLField(
        label=_("Your imprint"),
        max_length=300,
        required=False,
        assume_scheme="https",
        help_text=_("Address of your own page; the link at the foot of pages opens it."),
    )

    @classmethod
    def initial_of(cls, brand: Brand | None) -> dict[str, Any]:
        """Return the initial values of the form for a branding, or for a team without one."""
        if brand is None:
            return {"colours": Colours.OURS, "accent": OUR_ACCENT, "accent_dark": OUR_DARK_ACCENT}
        colours = Colours.TWO if brand.accent_dark else Colours.ONE if brand.accent else Colours.OURS
        return {
            "portal_name": brand.portal_name,
            "colours": colours,
            "accent": brand.accent or OUR_ACCENT,
            "accent_dark": brand.accent_dark or OUR_DARK_ACCENT,
            "support_email": brand.support_email,
            "support_phone": brand.support_phone,
            "imprint_url": brand.imprint_url,
        }

    def clean(self) -> dict[str, Any]:
        """Check both colours together, so that all errors are shown at once."""
        data: dict[str, Any] = super().clean() or {}
        colours = data.get("colours")
        for name in ("accent", "accent_dark"):
            data[name] = (data.get(name) or "").lower()
        if colours == Colours.OURS:
            data["accent"] = data["accent_dark"] = ""
        elif colours == Colours.ONE:
            data["accent_dark"] = ""
        for name, theme in (("accent", LIGHT), ("accent_dark", DARK)):
            is_needed = colours == Colours.TWO or (colours == Colours.ONE and name == "accent")
            if is_needed and not is_colour(data[name]):
                self.add_error(name, _("Enter a colour like #0b6e4f."))
            elif colours == Colours.TWO and (message := theme.explain_failure(data[name])):
                self.add_error(name, message)
        for kind in BrandPicture.Kind.values:
            upload = data.get(kind)
            if upload and upload.size > MAX_BYTES:
                self.add_error(kind, _("The file is larger than 1 MB."))
        return data

    @property
    def uploads(self) -> dict[str, bytes]:
        """Return the uploaded files of a valid form, by kind."""
        data = self.cleaned_data
        return {kind: data[kind].read() for kind in BrandPicture.Kind.values if data.get(kind)}

    @property
    def removed_kinds(self) -> list[str]:
        """Return the kinds of pictures to remove."""
        return [kind for kind in BrandPicture.Kind.values if self.cleaned_data.get(f"drop_{kind}")]


class HostForm(forms.Form):
    domain = forms.CharField(
        label=_("Host name"), max_length=253, help_text=_("A subdomain, for example charging.example.org.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["domain"].widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}


def colours_of(query: Any) -> tuple[str, str]:
    """Return the colours for light and dark pages from form data; empty for the default colours.

    Raises:
        ValidationError: a colour is not written like #0b6e4f.
    """
    colours, accent, dark = (query.get(name, "").lower() for name in ("colours", "accent", "accent_dark"))
    if colours not in (Colours.ONE, Colours.TWO) or not is_colour(accent):
        return "", ""
    if colours == Colours.TWO and not is_colour(dark):
        raise ValidationError(_("Enter a colour like #0b6e4f."))
    return accent, dark if colours == Colours.TWO else ""


class TeamForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    handle = forms.SlugField(
        label=_("Handle"),
        max_length=60,
        help_text=_("Short name of the team in the API and on the command line. Old handles keep working."),
    )
    station_passwords = forms.ChoiceField(
        label=_("Station passwords"),
        choices=StationPasswords.choices,
        widget=forms.RadioSelect,
        help_text=Team._meta.get_field("station_passwords").help_text,
    )


class BillingForm(forms.ModelForm):
    country = CountryField()

    class Meta:
        model = BillingDetails
        fields = BILLING_FIELDS


class SecurityForm(forms.Form):
    is_demanded = forms.BooleanField(
        label=_("Require two-factor authentication"),
        required=False,
        help_text=Team._meta.get_field("requires_two_factor").help_text,
    )


class FeaturesForm(forms.Form):
    on = forms.MultipleChoiceField(
        label=_("Features"),
        required=False,
        choices=[(feature.key, feature.label) for feature in FEATURES],
        widget=forms.CheckboxSelectMultiple,
    )


class DomainForm(forms.Form):
    domain = forms.CharField(label=_("Domain"), max_length=253, help_text=_("The part after the @ in your addresses."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["domain"].widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}

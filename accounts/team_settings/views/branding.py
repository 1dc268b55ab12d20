"""Settings pages for a team's branding and its own host names."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.branding.contrast import DARK, LIGHT, MIN_CONTRAST, Palette, Theme
from accounts.branding.models import Brand, BrandPicture
from accounts.branding.services.branding import FEATURE, branding_of_team, main_host, site_address
from accounts.team_settings.forms import OUR_ACCENT, OUR_DARK_ACCENT, BrandForm, HostForm, colours_of
from accounts.team_settings.services import branding, own_domains
from accounts.team_settings.views.team import TeamPage
from accounts.teams.models import Team, TeamDomain
from cpms.common.messaging.mail import OUR_NAME

# --- settings -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """The preview of one theme, with the contrast of its colours."""

    theme: str
    title: Any
    palette: Palette
    on_button: float
    on_page: float
    failure: str  # why the contrast is too low; empty if it passes
    is_changed: bool  # whether the chosen colour was adjusted

    @property
    def passes(self) -> bool:
        return not self.failure

    @property
    def variables(self) -> str:
        """Return the CSS variables of the sample as JSON, which the page's script sets."""
        palette = self.palette
        return json.dumps(
            {
                "--tblr-primary": palette.accent,
                "--tblr-primary-rgb": palette.rgb,
                "--tblr-primary-fg": palette.text,
                "--tblr-link-color": palette.link,
                "--tblr-link-color-rgb": palette.link_rgb,
            }
        )


def samples(accent: str, accent_dark: str) -> list[Sample]:
    """Return previews of both themes. A single colour is adjusted to be readable, two are shown as chosen."""
    chosen = [(LIGHT, accent or OUR_ACCENT), (DARK, accent_dark or (accent or OUR_DARK_ACCENT))]
    return [_sample(theme, colour, is_strict=bool(accent_dark)) for theme, colour in chosen]


def _sample(theme: Theme, chosen: str, *, is_strict: bool) -> Sample:
    used = chosen if is_strict else theme.nearest_passing(chosen)
    return Sample(
        theme="dark" if theme.is_dark else "light",
        title=gettext_lazy("Dark") if theme.is_dark else gettext_lazy("Light"),
        palette=theme.palette(used),
        on_button=int(theme.on_button(used) * 100) / 100,
        on_page=int(theme.on_page(used) * 100) / 100,
        failure=theme.explain_failure(used),
        is_changed=used != chosen,
    )


def stored_pictures(team: Team) -> dict[str, str]:
    """Return the pictures as data URLs by kind, since another team's domain does not serve them."""
    rows = BrandPicture.objects.filter(team=team, size__in=("page", "180")).values_list("kind", "content")
    return {kind: f"data:image/png;base64,{base64.b64encode(bytes(content)).decode()}" for kind, content in rows}


class BrandPage(TeamPage):
    """A settings page that needs the branding feature."""

    feature = FEATURE


class BrandView(BrandPage):
    template_name = "accounts/team_settings/branding.html"
    form_class = BrandForm
    success_message = gettext_lazy("Branding saved. It is visible to everyone within a minute.")

    def get_initial(self) -> dict[str, Any]:
        return BrandForm.initial_of(Brand.objects.filter(team=self.team).first())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form") or self.get_form()
        form_values = form.data if form.is_bound else form.initial
        pictures = stored_pictures(self.team)
        return super().get_context_data(
            **kwargs | {"form": form},
            pictures=pictures,
            has_own=Brand.objects.filter(team=self.team).exists() or bool(pictures),
            branding=branding_of_team(self.team.pk),
            **preview_context(form_values),
        )

    def perform(self, form: BrandForm) -> HttpResponse:  # type: ignore[override]
        branding.save_brand(
            team=self.team,
            values={name: form.cleaned_data[name] for name in branding.FIELDS},
            uploads=form.uploads,
            removed_kinds=form.removed_kinds,
            actor=self.actor,
        )
        return self.done()


def preview_context(form_values: Any) -> dict[str, Any]:
    """Return the context of the preview for the values of a form, valid or not."""
    try:
        accent, dark = colours_of(form_values)
    except ValidationError:
        accent, dark = "", ""
    name = " ".join((form_values.get("portal_name") or "").split())[:40]
    return {"samples": samples(accent, dark), "shown_name": name or OUR_NAME, "least": MIN_CONTRAST}


class BrandPreviewView(BrandPage):
    """The preview of unsaved values of the form."""

    http_method_names = ["get", "head"]
    form_class = BrandForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        context = preview_context(request.GET) | {"pictures": stored_pictures(self.team)}
        return render(request, "accounts/team_settings/parts/brand_preview.html", context)


class BrandResetView(BrandPage):
    form_class = BrandForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return render(request, "accounts/team_settings/branding_reset.html", {"its_team": self.team})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        branding.reset_brand(team=self.team, actor=self.actor)
        messages.success(request, _("Branding reset."))
        return redirect("team:branding")


class HostsView(BrandPage):
    template_name = "accounts/team_settings/hosts.html"
    form_class = HostForm
    needs_proof = True
    success_message = gettext_lazy("Host name added. Now add its DNS records.")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        domains = self.team.domains.filter(purpose=TeamDomain.Purpose.PORTAL)
        context = {"target": settings.OWN_DOMAIN_TARGET, "days": settings.OWN_DOMAIN_DAYS, "main": main_host()}
        return super().get_context_data(domains=domains, site=site_address(self.team.pk), **context, **kwargs)

    def perform(self, form: HostForm) -> HttpResponse:  # type: ignore[override]
        own_domains.claim_host(team=self.team, host=form.cleaned_data["domain"], actor=self.actor)
        return self.done()

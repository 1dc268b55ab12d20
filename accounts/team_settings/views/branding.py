"""A team's branding: its settings pages, and the stylesheet and pictures that every page fetches."""

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

from accounts.branding.contrast import DARK, LEAST, LIGHT, Palette, Theme
from accounts.branding.models import Brand, BrandPicture
from accounts.branding.services.looks import FEATURE, branding_of_team, main_host, site_address
from accounts.team_settings.forms import OUR_ACCENT, OUR_DARK_ACCENT, BrandForm, HostForm, colours_of
from accounts.team_settings.services import branding, own_domains
from accounts.team_settings.views.team import TeamPage
from accounts.teams.models import Team, TeamDomain
from cpms.common.messaging.mail import OUR_NAME

# --- settings -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """One theme of the preview: what it looks like, and how well it can be read."""

    theme: str
    title: Any
    palette: Palette
    on_button: float
    on_page: float
    sentence: str
    is_changed: bool  # another colour than the one that was chosen

    @property
    def passes(self) -> bool:
        return not self.sentence

    @property
    def variables(self) -> str:
        """For the stylesheet of the sample, which the page's script sets."""
        told = self.palette
        return json.dumps(
            {
                "--tblr-primary": told.accent,
                "--tblr-primary-rgb": told.rgb,
                "--tblr-primary-fg": told.text,
                "--tblr-link-color": told.link,
                "--tblr-link-color-rgb": told.link_rgb,
            }
        )


def samples(accent: str, accent_dark: str) -> list[Sample]:
    """Both themes with the colours that somebody is choosing; two are shown as they are, one as it is made readable."""
    chosen = [(LIGHT, accent or OUR_ACCENT), (DARK, accent_dark or (accent or OUR_DARK_ACCENT))]
    return [_sample(theme, colour, is_strict=bool(accent_dark)) for theme, colour in chosen]


def _sample(theme: Theme, chosen: str, *, is_strict: bool) -> Sample:
    used = chosen if is_strict else theme.nearest(chosen)
    return Sample(
        theme="dark" if theme.is_dark else "light",
        title=gettext_lazy("Dark") if theme.is_dark else gettext_lazy("Light"),
        palette=theme.palette(used),
        on_button=int(theme.on_button(used) * 100) / 100,
        on_page=int(theme.on_page(used) * 100) / 100,
        sentence=theme.sentence(used),
        is_changed=used != chosen,
    )


def stored_pictures(team: Team) -> dict[str, str]:
    """As data in the page: on another team's domain the pictures have no address."""
    rows = BrandPicture.objects.filter(team=team, size__in=("page", "180")).values_list("kind", "content")
    return {kind: f"data:image/png;base64,{base64.b64encode(bytes(content)).decode()}" for kind, content in rows}


class BrandPage(TeamPage):
    feature = FEATURE


class BrandView(BrandPage):
    template_name = "accounts/team_settings/branding.html"
    form_class = BrandForm
    success_words = gettext_lazy("Branding saved. It is visible to everyone within a minute.")

    def get_initial(self) -> dict[str, Any]:
        return BrandForm.initial_of(Brand.objects.filter(team=self.team).first())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form") or self.get_form()
        source = form.data if form.is_bound else form.initial
        pictures = stored_pictures(self.team)
        return super().get_context_data(
            **kwargs | {"form": form},
            pictures=pictures,
            has_own=Brand.objects.filter(team=self.team).exists() or bool(pictures),
            look=branding_of_team(self.team.pk),
            **preview_of(source),
        )

    def perform(self, form: BrandForm) -> HttpResponse:  # type: ignore[override]
        facts = {name: form.cleaned_data[name] for name in branding.FIELDS}
        branding.save_brand(team=self.team, facts=facts, uploads=form.uploads, dropped=form.dropped, actor=self.actor)
        return self.done()


def preview_of(source: Any) -> dict[str, Any]:
    """What the preview shows of a form that is being filled."""
    try:
        accent, dark = colours_of(source)
    except ValidationError:
        accent, dark = "", ""
    name = " ".join((source.get("portal_name") or "").split())[:40]
    return {"samples": samples(accent, dark), "shown_name": name or OUR_NAME, "least": LEAST}


class BrandPreviewView(BrandPage):
    """The preview alone, of what is in the form and not yet saved."""

    http_method_names = ["get", "head"]
    form_class = BrandForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        context = preview_of(request.GET) | {"pictures": stored_pictures(self.team)}
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
    success_words = gettext_lazy("Host name added. Now add its DNS records.")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        domains = self.team.domains.filter(purpose=TeamDomain.Purpose.PORTAL)
        facts = {"target": settings.OWN_DOMAIN_TARGET, "days": settings.OWN_DOMAIN_DAYS, "main": main_host()}
        return super().get_context_data(domains=domains, site=site_address(self.team.pk), **facts, **kwargs)

    def perform(self, form: HostForm) -> HttpResponse:  # type: ignore[override]
        own_domains.claim_host(team=self.team, host=form.cleaned_data["domain"], actor=self.actor)
        return self.done()

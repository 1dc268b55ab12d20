"""The page of roles and permissions."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access.rights import Revoker, revocation_rules, role_labels, table
from cpms.common.web.pages import AuthenticatedRequest


@login_required
@require_safe
def permissions(request: AuthenticatedRequest) -> HttpResponse:
    """Show which role has which right, and who can revoke access."""
    context = {
        "roles": role_labels(),
        "table": table(),
        "revokers": Revoker.labels,
        "revocation_rules": revocation_rules(),
    }
    return render(request, "portal/frame/permissions.html", context)

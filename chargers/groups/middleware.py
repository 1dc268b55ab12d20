"""Apply what a user has chosen to see (provider, group) while they are signed in."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from chargers.groups.services import groups, providers


class ChosenMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        session, user = request.session, request.user
        if groups.SESSION_KEY in session and user.is_authenticated:
            user.access.group = groups.chosen_group(user, session[groups.SESSION_KEY])
            if user.access.group is None:
                del session[groups.SESSION_KEY]  # it was deleted, or belongs to another user
        if providers.SESSION_KEY in session and user.is_authenticated:
            user.access.provider = providers.chosen_provider(user, session[providers.SESSION_KEY])
            if user.access.provider is None:
                del session[providers.SESSION_KEY]  # the user left the team, or its access was withdrawn
        if user.is_authenticated:
            user.access.hides_deactivated = True
        return self.get_response(request)

"""The group of stations a person has chosen, for as long as he is logged in (W19)."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from chargers.services.groups import SESSION_KEY, chosen_group


class GroupMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.session.get(SESSION_KEY)
        if key is not None:
            user = request.user
            chosen = chosen_group(user, key) if user.is_authenticated else None
            if chosen is None:
                del request.session[SESSION_KEY]  # it was deleted, or never was his
            elif user.is_authenticated:
                user.chosen_group = chosen
        return self.get_response(request)

"""A strict policy that is reported, not enforced: the shop's own jQuery would break under it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' {gateway}; style-src 'self'; "
    "connect-src 'self' {gateway} {socket}; img-src 'self' data:; "
    "require-trusted-types-for 'script'"
)


def strict(answer: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Django middleware: each answer carries the policy."""
    at = urlsplit(settings.KAIROS_SCRIPT)
    text = POLICY.format(gateway=f"{at.scheme}://{at.netloc}", socket=f"ws://{at.netloc}")

    def answered(request: HttpRequest) -> HttpResponse:
        response = answer(request)
        response["Content-Security-Policy-Report-Only"] = text
        return response

    return answered

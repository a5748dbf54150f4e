"""Oscar's own pages at the root, and its pictures."""

from __future__ import annotations

from django.apps import apps
from django.conf import settings
from django.conf.urls.static import static
from django.http import HttpRequest
from django.urls import include, path

urlpatterns = [
    path("", include(apps.get_app_config("oscar").urls[0])),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]


def script(request: HttpRequest) -> dict[str, str]:
    """The address of the SDK, for the one tag in the base template."""
    return {"kairos_script": settings.KAIROS_SCRIPT}

"""3 Arrival: where a session came from, the first touch ever and the last that was not direct."""

from __future__ import annotations

from urllib.parse import urlsplit

from schemas.event import Source
from schemas.profile import NAME_MAX, Profile, Session
from schemas.sections import Origin, Touch, origin_of, packed

_SEARCH_HOSTS = ("google.", "bing.", "duckduckgo.", "yahoo.", "ecosia.", "baidu.", "yandex.")
_SOCIAL_HOSTS = ("facebook.", "instagram.", "tiktok.", "pinterest.", "reddit.", "youtube.")
_MAIL_MEDIA = ("email", "e-mail", "newsletter")
_NOWHERE = Origin()


def arrive(profile: Profile, source: Source) -> None:
    """The session's first event that tells a source."""
    session = profile.session
    try:
        host = (urlsplit(source.referrer).hostname or "")[:NAME_MAX]
    except ValueError:
        host = ""
    session.referrer_host = host
    session.utm_source = source.utm_source[:NAME_MAX]
    session.utm_medium = source.utm_medium[:NAME_MAX]
    session.utm_campaign = source.utm_campaign[:NAME_MAX]
    session.source = _class(session, host)
    touch = Touch(
        session.source,
        session.utm_source,
        session.utm_medium,
        session.utm_campaign,
        host,
        session.started_ms,
    )
    known = origin(profile)
    first = known.first if known.first.source else touch
    profile.origin = packed(Origin(first, known.last if touch.source == "direct" else touch))


def origin(profile: Profile) -> Origin:
    """First and last touch; an empty source where there was none."""
    return origin_of(profile.origin) if profile.origin else _NOWHERE


def _class(session: Session, host: str) -> str:
    if session.utm_medium in _MAIL_MEDIA:
        return "email"
    if session.utm_source or session.utm_campaign:
        return "campaign"
    if not host:
        return "direct"
    if any(part in host for part in _SEARCH_HOSTS):
        return "search"
    if any(part in host for part in _SOCIAL_HOSTS):
        return "social"
    return "referral"

"""Whose event this is: consent decides the kind of key, a seed or a token decides the visitor.

| presented        | personalization | key                                          |
| seed             | granted         | v from the seed                              |
| seed             | denied          | p from the seed                              |
| v token          | granted         | the token's                                  |
| v token          | denied          | p from the session: nothing lasting is used  |
| p token          | denied          | the token's                                  |
| p token          | granted         | v from the seed, or from the page id         |
| u token          | granted         | the token's: a known user                    |
| u token          | denied          | p from the session                           |

Keys of seeds follow from the present mint secret: after its rotation a visitor whose token is older
than the overlap is a stranger. Keys of known users follow from the salt, which is never rotated.
"""

from __future__ import annotations

from msgspec import Struct

from gateway import tokens
from gateway.tokens import Visitor
from gateway.wire import WireConsent
from schemas.event import Consent
from schemas.ids import UserKey, joined, visitor_key
from schemas.site import IMPLIED, Site


class Subject(Struct, frozen=True, gc=False):
    """The visitor of one batch and the token to hand back."""

    user_key: UserKey
    token: str

    @property
    def known(self) -> bool:
        """Whether this is a user who has identified."""
        return f":{tokens.KNOWN}:" in self.user_key

    @property
    def visitor_id(self) -> str | None:
        """The lasting id; a visitor without consent has none."""
        _, kind, visitor_id = self.user_key.split(":")
        return visitor_id if kind == tokens.LASTING else None


def consent_of(site: Site, said: WireConsent | None, *, opted_out: bool = False) -> Consent:
    """Consent in force: what the visitor said, else the site's default.

    `opted_out` is the browser's global privacy signal; it stands where the visitor said nothing.
    """
    if said is not None:
        return Consent(said.analytics, said.personalization, said.marketing)
    granted = site.consent == IMPLIED and not opted_out
    return Consent(granted, granted, granted)


def verified(site: Site, token: str, *, now_ms: int, origin: str) -> tuple[Visitor, bool]:
    """Who a token names, and whether a secret that is on its way out signed it. Raises BadToken.

    Tokens of a rotated secret hold until its overlap ends; each is replaced when it is used.
    """
    secrets = site.accepted("mint_secret", now_ms)
    for number, secret in enumerate(secrets):
        try:
            found = tokens.verify(site.site, secret, token, now_ms=now_ms, origin=origin)
        except tokens.BadToken:
            if number + 1 == len(secrets):
                raise
        else:
            return found, number > 0
    raise tokens.BadToken("the token is not this site's")


def subject_of(
    site: Site,
    consent: Consent,
    *,
    token: str | None,
    seed: str | None,
    session_id: str,
    origin: str,
    now_ms: int,
) -> Subject:
    """The visitor of a batch. Raises BadToken for a token that does not hold.

    A client names nobody: keys come from seeds under the site's secret, or from signed tokens.
    """
    lasting = consent.personalization
    if token is None:
        assert seed, "a batch without token carries a seed"
        key = visitor_key(site.site, site.mint_secret, seed, lasting=lasting)
        return minted(site, key, origin, now_ms)
    visitor, outgoing = verified(site, token, now_ms=now_ms, origin=origin)
    if (visitor.kind == tokens.PAGE) != lasting:
        key = visitor.user_key(site.site)
        if outgoing or tokens.wants_renewal(visitor, now_ms):
            return minted(site, key, origin, now_ms)
        return Subject(key, token)
    # The id is part of the seed, so that two visitors with equal session names stay apart.
    if lasting:
        ground = seed or joined(visitor.visitor_id, "granted").hex()
    else:
        ground = joined(visitor.visitor_id, session_id).hex()
    key = visitor_key(site.site, site.mint_secret, ground, lasting=lasting)
    return minted(site, key, origin, now_ms)


def minted(site: Site, key: UserKey, origin: str, now_ms: int) -> Subject:
    """This key with a token of its own, bound to the origin."""
    return Subject(key, tokens.mint(site.site, site.mint_secret, key, now_ms=now_ms, origin=origin))

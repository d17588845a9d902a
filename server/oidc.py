"""Tokens that an OpenID provider signed: whether they are to be believed."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Iterable
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, OctKey

# What a token may be signed with, and the type of key for it. `none` is no signature.
KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP", "HS": "oct"}
ALGORITHMS = re.compile(r"(RS|PS|ES|HS)(256|384|512)|EdDSA|Ed25519")
LEEWAY_SECONDS = 30.0  # Clocks differ.
LOGOUT_LEEWAY_SECONDS = 5.0
LOGOUT_AGE_SECONDS_MAX = 120.0
ID_CHARACTERS_MAX = 255
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

Claims = dict[str, Any]


class Untrusted(Exception):
    """A token that must not be believed, and why. Nothing of the token is in it."""


class UnknownKey(Untrusted):
    """It says to be signed by a key that is not among these: perhaps it is new."""


def read_keys(published: Any) -> list[Key]:
    """Those of a JWKS that can be used here."""
    keys = []
    for one in published.get("keys", []) if isinstance(published, dict) else []:
        try:
            keys.append(JWKRegistry.import_key(one))
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue  # of a kind that is not known here, or broken
    return keys


def secret_key(secret: str) -> list[Key]:
    """What tokens are signed with that only the two sides can check."""
    if not secret:
        raise Untrusted("without a client secret nothing can be signed with it")
    try:
        return [OctKey.import_key(secret)]
    except ValueError as error:
        raise Untrusted("the client secret is no secret") from error


def read_claims(token: str, keys: Iterable[Key], algorithm: str) -> Claims:
    """What the token claims, if one of the keys signed it by this algorithm. Raises Untrusted."""
    if not ALGORITHMS.fullmatch(algorithm):
        raise Untrusted(f"the algorithm {algorithm!r} is not supported")
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    try:
        header = jws.extract_compact(token.encode(), registry=registry).headers()
    except (JoseError, ValueError) as error:
        raise Untrusted("it is no signed token") from error
    if header.get("alg") != algorithm:
        raise Untrusted("it is signed by another algorithm than is set")
    fitting = [key for key in keys if _fits(key, algorithm, header.get("kid"))]
    if not fitting:
        raise UnknownKey("nobody knows the key it is signed with")
    for key in fitting:
        try:
            return jwt.decode(token, key, registry=registry).claims
        except (JoseError, ValueError):
            continue
    raise Untrusted("its signature is wrong")


def check_id_token(claims: Claims, *, issuer: str, client_id: str, nonce: str) -> None:
    """It is of this provider, for us, for this login, and for now. Raises Untrusted."""
    _check_origin(claims, issuer, client_id)
    _check_times(claims, LEEWAY_SECONDS, needed=("exp", "iat"))
    if not _is_same(claims.get("nonce"), nonce):
        raise Untrusted("it is of another login (nonce)")
    read_sub(claims)


def check_userinfo(claims: Claims, *, issuer: str, client_id: str) -> None:
    """A signed one need not say whose and for whom it is; what it says has to be right."""
    if "iss" in claims and claims["iss"] != issuer:
        raise Untrusted("it is of another issuer")
    if "aud" in claims and client_id not in _audience(claims):
        raise Untrusted("it is for somebody else (aud)")
    _check_times(claims, LEEWAY_SECONDS)


def check_logout_token(claims: Claims, *, issuer: str, client_id: str) -> None:
    """It tells of a logout, at this provider, just now. Raises Untrusted."""
    _check_origin(claims, issuer, client_id)
    _check_times(claims, LOGOUT_LEEWAY_SECONDS, needed=("iat",))
    if time.time() - claims["iat"] > LOGOUT_AGE_SECONDS_MAX + LOGOUT_LEEWAY_SECONDS:
        raise Untrusted("it is old")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise Untrusted("it tells of no logout (events)")
    if "nonce" in claims:
        raise Untrusted("it has a nonce, as tokens of a login have")


def read_sub(claims: Claims) -> str:
    """Who it is to the provider. Raises Untrusted."""
    sub = read_id(claims, "sub")
    if sub is None:
        raise Untrusted("it is about nobody (sub)")
    return sub


def read_id(claims: Claims, name: str) -> str | None:
    """Of a user, a session or a token of a provider, if it says one."""
    id_ = claims.get(name)
    is_id = isinstance(id_, str) and is_text(id_) and 0 < len(id_) <= ID_CHARACTERS_MAX
    return id_ if is_id else None


def is_text(text: str) -> bool:
    """Such as Postgres keeps."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _fits(key: Key, algorithm: str, kid: object) -> bool:
    return (
        key.key_type == KEY_TYPES[algorithm[:2]]
        and key.get("use") in (None, "sig")
        and key.get("alg") in (None, algorithm)
        and (kid is None or key.kid is None or key.kid == kid)
    )


def _check_origin(claims: Claims, issuer: str, client_id: str) -> None:
    if claims.get("iss") != issuer:
        raise Untrusted("it is of another issuer")
    audience = _audience(claims)
    if client_id not in audience:
        raise Untrusted("it is for somebody else (aud)")
    if claims.get("azp", client_id) != client_id or (len(audience) > 1 and "azp" not in claims):
        raise Untrusted("it was given to somebody else (azp)")


def _audience(claims: Claims) -> list[object]:
    audience = claims.get("aud")
    return audience if isinstance(audience, list) else [audience]


def _check_times(claims: Claims, leeway: float, *, needed: tuple[str, ...] = ()) -> None:
    now = time.time()
    for name in ("exp", "iat", "nbf"):
        moment = claims.get(name)
        if moment is None and name not in needed:
            continue
        if isinstance(moment, bool) or not isinstance(moment, int | float):
            raise Untrusted(f"it does not say when ({name})")
        if name == "exp" and not now < moment + leeway:
            raise Untrusted("it expired")
        if name != "exp" and not moment <= now + leeway:
            raise Untrusted(f"it is of the future ({name})")


def _is_same(given: object, expected: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(
        given.encode(errors="surrogatepass"), expected.encode()
    )

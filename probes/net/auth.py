"""How a probe proves who it is: basic, bearer, or a token fetched by OAuth2 client credentials."""

import asyncio
import json
from time import monotonic
from urllib.parse import quote_plus, urlencode

from pydantic import Field, model_validator

from probes.net.address import Url
from probes.net.errors import NetError
from probes.net.http import Http
from probes.net.message import Request, Trace, basic
from probes.settings import Secret, Settings

#: A token is fetched anew so many seconds before it ends; one that does not say when it ends is kept this long.
_EARLY = 30.0
_DEFAULT_LIFE = 300.0


class Basic(Settings):
    """RFC 7617."""

    user: str
    password: Secret


class OAuth2(Settings):
    """RFC 6749, 4.4 (client credentials): `token_url` is asked for a token with `client_id` and `client_secret`;
    `parameters` are what some servers want beside these, such as an `audience`.
    """

    token_url: Url
    client_id: str
    client_secret: Secret
    scope: str = ""
    parameters: dict[str, str] = Field(default_factory=dict)


class AuthSettings(Settings):
    """Exactly one of `basic`, `bearer` (or `bearer_file`) and `oauth2`."""

    basic: Basic | None = None
    bearer: Secret | None = None
    oauth2: OAuth2 | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "AuthSettings":
        if sum(way is not None for way in (self.basic, self.bearer, self.oauth2)) != 1:
            raise ValueError("write exactly one of basic, bearer (or bearer_file) and oauth2")
        return self


class Authorization:
    """Makes the Authorization header. Secrets are read at each use, so a rotated file needs no reload."""

    def __init__(self, settings: AuthSettings, http: Http) -> None:
        self._settings = settings
        self._http = http
        self._token = ""
        self._ends = 0.0

    async def value(self, deadline: float) -> bytes:
        """The header's value. Raises SecretUnreadable; NetError, ours, when there is no token to be had."""
        settings = self._settings
        if settings.basic:
            return basic(settings.basic.user, settings.basic.password.read())
        if settings.bearer:
            return b"Bearer " + settings.bearer.read().encode()
        assert settings.oauth2
        if monotonic() >= self._ends:
            await self._fetch(settings.oauth2, deadline)
        return b"Bearer " + self._token.encode()

    def forget(self) -> None:
        """The token was refused: fetch another one next time."""
        self._ends = 0.0

    async def _fetch(self, oauth2: OAuth2, deadline: float) -> None:
        client = basic(quote_plus(oauth2.client_id), quote_plus(oauth2.client_secret.read()))
        form = {"grant_type": "client_credentials"} | ({"scope": oauth2.scope} if oauth2.scope else {})
        form |= oauth2.parameters
        headers = [
            (b"authorization", client),
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"accept", b"application/json"),
        ]
        request = Request(oauth2.token_url, "POST", headers, urlencode(form).encode())
        where = oauth2.token_url.shown
        # Half of the time left: a silent token server must not look like a silent shop.
        now = asyncio.get_running_loop().time()
        try:
            answer = await self._http.fetch(request, Trace(), now + (deadline - now) / 2, redirects=0)
        except NetError as error:
            raise NetError(f"auth: no token from {where}: {error}", "auth", ours=True) from error
        try:
            document = json.loads(answer.body)
            self._token = str(document["access_token"])
            life = float(document.get("expires_in", _DEFAULT_LIFE))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            message = f"auth: no token from {where}: it answered {answer.status} without an access_token"
            raise NetError(message, "auth", ours=True) from None
        self._ends = monotonic() + max(0.0, life - _EARLY)

"""Requests to a registry: HTTPS, proxies of the environment, redirects, and the two ways to log in.

urllib of the standard library, put together here without the parts that would open files or FTP. Credentials go to the
registry and to the token server it names, over HTTPS (or HTTP, where the user or the loopback address allows that); a
redirect to another host carries none.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

from llmsecrets.images.credentials import Login
from llmsecrets.images.reference import is_loopback
from llmsecrets.model import Secret

_PATIENCE = 60  # seconds without a byte
_TOKEN_SIZE = 1 << 20
_PARAMETER = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_CLIENT = "llmsecrets"

Response = Any  # http.client.HTTPResponse, as urllib hands it out


class Refused(Exception):  # noqa: N818
    """An answer that is not the content: its status, 0 where there was none, and what is known of the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Connection:
    """One registry, logged in as far as it asks for it. Several threads may use it."""

    def __init__(self, address: str, login: Login | None, *, insecure: bool = False) -> None:
        self._address, self._login, self._insecure = address, login, insecure
        self._plain = insecure or is_loopback(address)
        self._opener = _opener(insecure=insecure, plain=self._plain, proxied=not is_loopback(address))
        self._scheme = ""
        self._authorization: Secret | None = None

    def get(self, path: str, headers: Mapping[str, str], scope: str) -> Response:
        """The response to GET, to be closed. `scope` is what a token is asked for. Raises Refused."""
        for scheme in (self._scheme,) if self._scheme else ("https", *(("http",) if self._plain else ())):
            try:
                response = self._authorized(f"{scheme}://{self._address}{path}", headers, scope)
            except Refused as refused:
                if scheme == "http" or not self._plain or refused.status:
                    raise
                continue
            self._scheme = scheme
            return response
        raise AssertionError("unreachable: the last scheme has answered or raised")

    def _authorized(self, url: str, headers: Mapping[str, str], scope: str) -> Response:
        try:
            return self._open(url, headers, self._authorization)
        except urllib.error.HTTPError as failure:
            with failure:
                if failure.code != 401:
                    raise Refused(failure.code, _status(failure)) from failure
                challenges = failure.headers.get_all("WWW-Authenticate") or []
        self._authorization = self._answered(challenges, scope)
        try:
            return self._open(url, headers, self._authorization)
        except urllib.error.HTTPError as failure:
            with failure:
                raise Refused(failure.code, _status(failure)) from failure

    def _open(self, url: str, headers: Mapping[str, str], authorization: Secret | None) -> Response:
        request = urllib.request.Request(url, headers={"User-Agent": _CLIENT, **headers})  # noqa: S310 - https or http
        if authorization:
            # Not among the headers that urllib sends on to where a redirect leads.
            request.add_unredirected_header("Authorization", authorization.reveal().decode("latin-1"))
        try:
            return self._opener.open(request, timeout=_PATIENCE)
        except urllib.error.HTTPError:
            raise
        except (OSError, http.client.HTTPException, ValueError) as failure:
            reason = getattr(failure, "reason", failure)
            raise Refused(0, str(reason) or type(failure).__name__) from failure

    # ---- logging in

    def _answered(self, challenges: list[str], scope: str) -> Secret:
        """The Authorization header that a 401's challenges ask for."""
        for challenge in challenges:
            kind, _, rest = challenge.partition(" ")
            if kind.lower() == "bearer":
                return self._token(dict(_PARAMETER.findall(rest)), scope)
            if kind.lower() == "basic" and self._login and self._login.user:
                return _basic(self._login)
        raise Refused(401, "it asks for a login" if not self._login else "it does not take the stored login")

    def _token(self, parameters: Mapping[str, str], scope: str) -> Secret:
        """A token, as the distribution project's token authentication specification has it."""
        realm = urlsplit(parameters.get("realm", ""))
        if realm.scheme != "https" and not (realm.scheme == "http" and (self._insecure or is_loopback(realm.netloc))):
            raise Refused(401, "its token server is not reached over HTTPS")
        asked = {"service": parameters.get("service", ""), "scope": parameters.get("scope") or scope}
        login, body = self._login, None
        if login and not login.user:
            grant = {"grant_type": "refresh_token", "client_id": _CLIENT, **asked}
            body = urlencode({**grant, "refresh_token": login.password.reveal().decode()}).encode()
        url = realm._replace(query="&".join(filter(None, (realm.query, "" if body else urlencode(asked))))).geturl()
        request = urllib.request.Request(url, data=body, headers={"User-Agent": _CLIENT})  # noqa: S310 - checked above
        if login and login.user:
            request.add_unredirected_header("Authorization", _basic(login).reveal().decode("latin-1"))
        try:
            with self._opener.open(request, timeout=_PATIENCE) as response:
                answer = json.loads(response.read(_TOKEN_SIZE))
            token = answer.get("token") or answer.get("access_token")
            return Secret(f"Bearer {token}".encode("latin-1"))
        except urllib.error.HTTPError as failure:
            with failure:
                raise Refused(failure.code, "its token server does not take the login") from failure
        except (OSError, http.client.HTTPException, ValueError, AttributeError, RecursionError) as failure:
            raise Refused(0, "its token server does not answer with a token") from failure


def _basic(login: Login) -> Secret:
    return Secret(b"Basic " + base64.b64encode(login.user.encode() + b":" + login.password.reveal()))


def _status(failure: urllib.error.HTTPError) -> str:
    return f"{failure.code} {failure.reason}"


# ---- the opener ----------------------------------------------------------------------------------------------------


def _opener(*, insecure: bool, plain: bool, proxied: bool) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(None if proxied else {}),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        _Redirects(plain=plain),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to HTTPS, and to HTTP only where the registry itself may be reached that way."""

    max_redirections = 5

    def __init__(self, *, plain: bool) -> None:
        self._plain = plain

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if after.scheme != "https" and not (self._plain and after.scheme == "http"):
            raise Refused(code, "it redirects to a place that is not reached over HTTPS")
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request:
            request.headers.pop("Proxy-authorization", None)  # urllib adds it again where the proxy is to be asked
        if request and before[:2] == after[:2] and req.has_header("Authorization"):
            request.add_unredirected_header("Authorization", req.get_header("Authorization") or "")
        return request

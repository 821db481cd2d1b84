# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may come in: programs of this user on this machine, and no page of a web browser."""

from __future__ import annotations

import hmac
import secrets

from aiohttp import web
from multidict import CIMultiDictProxy


def new_token() -> str:
    """256 random bits, as text."""
    return secrets.token_urlsafe(32)


class Door:
    """Lets a request pass, or raises the HTTP error that it deserves."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self.port = 0

    def check(self, headers: CIMultiDictProxy[str]) -> None:
        # A browser always says where a websocket comes from, and native clients have no need to.
        if "Origin" in headers:
            raise web.HTTPForbidden(text="Requests from web pages are refused.\n")
        # A page that had its own name resolve to this machine would send that name.
        hosts = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        if len(headers.getall("Host", ())) != 1 or headers["Host"] not in hosts:
            raise web.HTTPForbidden(text="This server answers to 127.0.0.1 only.\n")
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not self._is_token(token):
            raise web.HTTPUnauthorized(text="The token is missing or wrong.\n")

    def _is_token(self, token: str) -> bool:
        return hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token)

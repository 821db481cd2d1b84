# SPDX-License-Identifier: GPL-3.0-or-later
"""A little Hugging Face hub: what `resolve` answers for large and small files, and its faults."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

_RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
_LARGE = (".pth", ".safetensors", ".bin")


@dataclass
class Fault:
    """What goes wrong once, when a file's bytes are asked for.

    Attributes:
        cut_after: the connection is closed after so many bytes.
        stalls: before it is closed nothing happens until the client has gone.
        status: answered in place of the file.
    """

    cut_after: int | None = None
    stalls: bool = False
    status: int = 0


@dataclass
class Hub:
    """Serves ``files`` of {repo: {name: bytes}} at `url` while it is entered.

    Large files are redirected to another host name, as the hub does with its storage, and are
    said to be there by Xet, whose protocol this server does not speak.

    Attributes:
        faults: by name of the file, one after the other.
        announced: what a file is said to be in place of what is sent, by name.
        revision: said to be served in place of the one that is asked for.
        served: bytes sent of each file's content, by repo/name.
        requests: (method, path, Range header, Authorization header) of each request.
    """

    files: dict[str, dict[str, bytes]]
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    announced: dict[str, bytes] = field(default_factory=dict)
    revision: str = ""
    served: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    requests: list[tuple[str, str, str, str]] = field(default_factory=list)

    def __enter__(self) -> Hub:
        hub = self

        class Handler(_Handler):
            def __init__(self, *args) -> None:
                self.hub = hub
                super().__init__(*args)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def ranges(self, file: str) -> list[str]:
        """The Range header of each request for the content of a large file, in order."""
        return [r for m, p, r, _ in self.requests if p.startswith("/cdn/") and p.endswith(file)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        headers = self.headers
        self.hub.requests.append(
            (self.command, self.path, headers.get("Range", ""), headers.get("Authorization", ""))
        )
        path = unquote(self.path)
        if path.startswith("/cdn/"):
            _, _, owner, name, file = path.split("/", 4)
            self._send(f"{owner}/{name}", file)
            return
        asked = _RESOLVE.fullmatch(path)
        content = asked and self.hub.files.get(asked["repo"], {}).get(asked["file"])
        if asked is None or content is None:
            known = asked and asked["repo"] in self.hub.files
            self._head(404, {"X-Error-Code": "EntryNotFound" if known else "RepoNotFound"})
            return
        truth = self.hub.announced.get(asked["file"], content)
        common = {"X-Repo-Commit": self.hub.revision or asked["revision"]}
        if asked["file"].endswith(_LARGE):
            common |= {
                "X-Linked-Etag": f'"{hashlib.sha256(truth).hexdigest()}"',
                "X-Linked-Size": str(len(truth)),
                "X-Xet-Hash": "0" * 64,
                "Location": f"http://localhost:{self.hub.port}/cdn/{asked['repo']}/{asked['file']}",
            }
            self._head(302, common)
            return
        git = hashlib.sha1(b"blob %d\0" % len(truth) + truth).hexdigest()
        self._send(asked["repo"], asked["file"], {**common, "ETag": f'"{git}"'})

    def _send(self, repo: str, file: str, headers: dict[str, str] | None = None) -> None:
        content, faults = self.hub.files[repo][file], self.hub.faults.get(file)
        begins, status = 0, 200
        if "Range" in self.headers:
            begins, status = int(self.headers["Range"].removeprefix("bytes=").split("-")[0]), 206
        rest = content[begins:]
        headers = {**(headers or {}), "Content-Length": str(len(rest))}
        if status == 206:
            headers["Content-Range"] = f"bytes {begins}-{len(content) - 1}/{len(content)}"
        stalls = False
        if self.command == "GET" and faults:
            fault = faults.pop(0)
            if fault.status:
                self._head(fault.status, {})
                return
            rest, stalls = rest[: fault.cut_after], fault.stalls
            self.close_connection = True
        self._head(status, headers)
        if self.command == "GET":
            self.wfile.write(rest)
            self.hub.served[f"{repo}/{file}"] += len(rest)
        if stalls:
            self.connection.recv(1)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", "0")
        self.end_headers()

"""The web client's files, as they were when this process started.

They are small, so they are held in memory: a path is a key and never touches the disk, and a
build that happens meanwhile cannot mix with this one.
"""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from http_api.exchange import Headers, Request, Response
from storage.errors import NotFound

BYTES_MAX = 64 * 1024 * 1024
GZIP_BYTES_MIN = 1024
IMMUTABLE_UNDER = "/assets/"
"""Vite names these files by their content."""

COMPRESSIBLE = frozenset(
    {"text/html", "text/css", "text/javascript", "image/svg+xml", "application/json", "text/plain"}
)
TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
UNBUILT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Loopync</title>
<p>The web client has not been built. The API answers under /api/v1.</p></html>"""


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    zipped: bytes | None
    headers: tuple[tuple[bytes, bytes], ...]
    etag: bytes

    @classmethod
    def of(cls, path: str, body: bytes) -> Asset:
        suffix = Path(path).suffix
        kind = TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
        charset = "; charset=utf-8" if kind.startswith("text/") else ""
        kept = "public, max-age=31536000, immutable" if _immutable(path) else "no-cache"
        zipped = gzip.compress(body, 6, mtime=0) if _compressible(kind, body) else None
        return cls(
            body,
            zipped if zipped and len(zipped) < len(body) else None,
            (
                (b"content-type", f"{kind}{charset}".encode()),
                (b"cache-control", kept.encode()),
            ),
            # Weak, because the same one names the zipped bytes.
            b'W/"%b"' % sha256(body).hexdigest()[:20].encode(),
        )

    def answer(self, request: Request) -> Response:
        headers: Headers = [*self.headers, (b"etag", self.etag)]
        if self.zipped is not None:
            headers.append((b"vary", b"accept-encoding"))
        if _holds(request.headers.get("if-none-match", ""), self.etag.decode()):
            return Response(304, b"", headers)
        if self.zipped is not None and _takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(200, self.zipped, [*headers, (b"content-encoding", b"gzip")])
        return Response(200, self.body, headers)


class Files:
    """Every file under `folder`, by its path in the address; anything else is the app itself."""

    def __init__(self, folder: Path) -> None:
        self._assets: dict[str, Asset] = {}
        bytes_held = 0
        for file in sorted(folder.rglob("*")) if folder.is_dir() else []:
            within = file.relative_to(folder)
            if file.is_symlink() or not file.is_file() or _hidden(within):
                continue
            body = file.read_bytes()
            bytes_held += len(body)
            assert bytes_held <= BYTES_MAX, f"{folder} holds more than a web client"
            path = "/" + within.as_posix()
            self._assets[path] = Asset.of(path, body)
        self.built = "/index.html" in self._assets
        self._index = self._assets.get("/index.html") or Asset.of("/index.html", UNBUILT)

    def answer(self, request: Request) -> Response:
        asset = self._assets.get(request.path)
        if asset is None:
            if _immutable(request.path):
                # A page of an older build asks for its chunk: the app's HTML would not help it.
                raise NotFound("path", "there is nothing here")
            asset = self._index
        response = asset.answer(request)
        if asset is self._index and not self.built:
            response.status = 503
        return response


def _immutable(path: str) -> bool:
    return path.startswith(IMMUTABLE_UNDER)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _compressible(kind: str, body: bytes) -> bool:
    return kind in COMPRESSIBLE and len(body) >= GZIP_BYTES_MIN


def _holds(if_none_match: str, etag: str) -> bool:
    asked = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in asked or etag.removeprefix("W/") in asked


def _takes_gzip(accept_encoding: str) -> bool:
    for part in accept_encoding.lower().split(","):
        coding, _, parameter = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False

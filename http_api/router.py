"""Which route a request means: a tree of path segments, in which a literal beats a parameter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from storage.errors import MethodNotAllowed, NotFound

SEGMENTS_MAX = 10


class Routed(Protocol):
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...


T = TypeVar("T", bound=Routed)


class _Node(Generic[T]):
    __slots__ = ("literals", "parameter", "routes")

    def __init__(self) -> None:
        self.literals: dict[str, _Node[T]] = {}
        self.parameter: _Node[T] | None = None
        self.routes: dict[str, tuple[T, list[str]]] = {}


class Router(Generic[T]):
    """`/users/{userId}` style templates; a parameter is one segment that is not empty."""

    def __init__(self, routes: Iterable[T]) -> None:
        self._root: _Node[T] = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: T) -> None:
        node = self._root
        names = []
        for segment in _segments(route.path):
            if segment.startswith("{"):
                names.append(segment.strip("{}"))
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        assert route.method not in node.routes, f"{route.method} {route.path} stands twice"
        node.routes[route.method] = (route, names)

    def find(self, method: str, path: str) -> tuple[T, dict[str, str]]:
        """The route and its path values. Raises NotFound, or MethodNotAllowed."""
        node, values = self._walk(path)
        if node is None:
            raise NotFound("path", "there is nothing here")
        route, names = node.routes.get("GET" if method == "HEAD" else method) or (None, [])
        if route is None:
            raise MethodNotAllowed("method", ", ".join(_methods(node)))
        return route, dict(zip(names, values, strict=True))

    def methods(self, path: str) -> list[str]:
        """What `Allow` says of a path; empty when there is nothing."""
        node, _ = self._walk(path)
        return _methods(node) if node is not None else []

    def _walk(self, path: str) -> tuple[_Node[T] | None, list[str]]:
        segments = _segments(path)
        if len(segments) > SEGMENTS_MAX:
            return None, []
        node: _Node[T] | None = self._root
        values: list[str] = []
        for segment in segments:
            assert node is not None
            literal = node.literals.get(segment)
            if literal is None and segment:
                values.append(segment)
            node = literal or (node.parameter if segment else None)
            if node is None:
                return None, []
        return (node if node is not None and node.routes else None), values


def _segments(path: str) -> list[str]:
    return path.split("/")[1:]


def _methods(node: _Node[T]) -> list[str]:
    methods = set(node.routes) | {"OPTIONS"}
    if "GET" in methods:
        methods.add("HEAD")
    return sorted(methods)

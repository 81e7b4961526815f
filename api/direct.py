"""Handlers that are called directly, for calls whose cost matters."""

from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Middleware, Receive, Scope, Send

from api.answers import Answer


class Direct(HTTPRouteHandler):
    """A handler whose function takes the request and returns an `Answer`.

    Between its guards and its function the framework would look for arguments, dependencies, caches and
    encoders, none of which it has, and take longer than anything that is done for a decision. So the two are
    called here, in the place of the route.
    """

    def resolve_middleware(self) -> list[Middleware]:
        """What wraps the route: first of all what takes its place."""
        return [self._in_place_of, *super().resolve_middleware()]

    def _in_place_of(self, app: ASGIApp) -> ASGIApp:  # noqa: ARG002 - the route, which is not called
        return self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        for guard in self.resolve_guards():
            await guard(request, self)  # type: ignore[misc]  # made awaitable where guards are collected
        answer: Answer = await self.fn(request)
        await answer.send(scope, receive, send)

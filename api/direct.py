"""Handlers that are called directly, for calls whose cost matters."""

import re
from collections.abc import Iterable
from typing import Any, Final

from litestar import Litestar, Request
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Middleware, Receive, Scope, Send
from litestar.types.asgi_types import LifeSpanReceive, LifeSpanScope, LifeSpanSend

from api.answers import Answer
from api.problems import answer_error

_USUAL_HOST: Final = re.compile(rb"[0-9A-Za-z.:_\[\]-]*")


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
        return self._send_answer

    async def _send_answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self.answer(Request(scope, receive, send))
        await answer.send(scope, receive, send)

    async def answer(self, request: Request[Any, Any, Any]) -> Answer:
        """Let the guards look at a request, then answer it. Raises what they and the function raise."""
        for guard in self.resolve_guards():
            await guard(request, self)  # type: ignore[misc]  # made awaitable where guards are collected
        answer: Answer = await self.fn(request)
        return answer


class Application(Litestar):
    """The framework's application, which calls a handler that is `Direct` without looking for it.

    Where method, path or host are not written as usual, the framework finds the handler, or what is wrong.
    """

    def __init__(self, *args: Any, **given: Any) -> None:
        """Take what the framework takes."""
        super().__init__(*args, **given)
        self._direct = {
            (str(method), route.path): handler
            for route in self.routes
            if isinstance(route, HTTPRoute)
            for handler in route.route_handlers
            if isinstance(handler, Direct)
            for method in handler.http_methods
        }

    async def __call__(
        self,
        scope: Scope | LifeSpanScope,
        receive: Receive | LifeSpanReceive,
        send: Send | LifeSpanSend,
    ) -> None:
        """Answer a request; an ASGI application."""
        handler = self._direct.get((str(scope.get("method")), str(scope.get("path"))))
        if handler is None or not _is_usual_host(scope["headers"]):  # type: ignore[typeddict-item]  # what has a method is HTTP, and has headers
            await super().__call__(scope, receive, send)
        else:
            await self._send_answer(handler, scope, receive, send)  # type: ignore[arg-type]  # all three are of HTTP, as the scope is

    async def _send_answer(self, handler: Direct, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = scope["litestar_app"] = self
        scope["route_handler"], scope["path_template"] = handler, scope["path"]
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        try:
            answer = await handler.answer(request)
        except Exception as error:  # noqa: BLE001 - `answer_error` answers and logs each
            answer = answer_error(request, error)
        await answer.send(scope, receive, send)


def _is_usual_host(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    for name, value in headers:  # noqa: SIM110 - a third of the time that `all` takes
        if name == b"host" and not _USUAL_HOST.fullmatch(value):
            return False
    return True

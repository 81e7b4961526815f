"""What goes wrong on pages, as a page; elsewhere as a problem document."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from litestar import Request

from api.answers import Answer
from api.dashboard.pages import page, see_other
from api.dashboard.sessions import PATH, is_of_dashboard
from api.problems import Problem, answer_error, log_fault, new_instance, problem_of

SIGN_IN: Final = f"{PATH}/sign-in"


def answer_any(request: Request[Any, Any, Any], error: Exception) -> Answer:
    """Answer an error in the way of what was asked for, and log it if it is ours."""
    if not is_of_dashboard(request.url.path):
        return answer_error(request, error)
    problem, instance = problem_of(error), new_instance()
    log_fault(problem, error, instance)
    if problem.kind.name == "key-needed" and request.method in {"GET", "HEAD"}:
        return to_sign_in(request)
    return _page(request, problem, instance)


def to_sign_in(request: Request[Any, Any, Any]) -> Answer:
    """Lead to the page to sign in, and from there back."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return see_other(SIGN_IN if wanted == PATH else f"{SIGN_IN}?next={quote(wanted, safe='')}")


def _page(request: Request[Any, Any, Any], problem: Problem, instance: str) -> Answer:
    # a 405 of the framework names methods that pages have no use for
    headers = dict(problem.headers or {})
    headers.pop("www-authenticate", None)
    return page(
        request,
        "problem.html",
        status=HTTPStatus(problem.kind.status),
        headers=headers,
        problem=problem,
        instance=instance,
        sign_in=SIGN_IN,
    )

"""The files of ours that pages load: styles and scripts. Nothing comes from anywhere else."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, route

from api.answers import answer
from api.dashboard.pages import STATIC
from api.dashboard.sessions import PATH
from api.problems import Refusal

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FILES: Final = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in _TYPES}


@route(f"{PATH}/static/{{name:str}}", http_method=["GET", "HEAD"], status_code=HTTPStatus.OK)
async def file(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A file of ours. Its address has a version, so a browser may keep it for long."""
    name: str = request.path_params["name"]
    content = _FILES.get(name)
    if content is None:
        raise Refusal("not-found", "there is no such file")
    headers = {"cache-control": "public, max-age=31536000, immutable"}
    return answer(content, media_type=_TYPES[f".{name.rpartition('.')[2]}"], headers=headers)


HANDLERS: Final = (file,)

"""The page of the log: how it stands, whether it holds, its checkpoints, and copies of it to take away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Request

from api.answers import Answer
from api.dashboard.pages import page
from api.dashboard.sessions import PATH, caller_of
from api.roles import WHOLE_LOG
from api.service import Service, service_of
from eligibility.checkpoints import last_kept
from eligibility.errors import Fault
from eligibility.export_formats import FORMATS
from eligibility.storage.acts import kinds_of_acts
from eligibility.storage.checkpoints import newest
from eligibility.storage.key_rotation import keys_of_log
from eligibility.storage.status import status
from eligibility.storage.verifications import newest as newest_verifications
from eligibility.verifying.verdicts import SENTENCES

AUDIT: Final = f"{PATH}/audit"
NOTICES: Final = {"verifying": "The verification has begun: its state is shown below."}
_SHOWN: Final = 5


async def audit_page(
    request: Request[Any, Any, Any],
    *,
    faults: tuple[Fault, ...] = (),
    typed: Mapping[str, str] | None = None,
) -> Answer:
    """The page. `faults` and what was `typed` are of a form on it that was sent and not taken.

    Raises StorageUnavailable, LogDamaged.
    """
    service = service_of(request)
    database = service.database
    is_whole = caller_of(request).role in WHOLE_LOG
    return page(
        request,
        "audit.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK,
        notices=NOTICES,
        faults=faults,
        typed=dict.fromkeys(_FIELDS, "") | {"what": "last", "blocks": "1000"} | dict(typed or {}),
        state=await status(database),
        keys=await keys_of_log(database),
        newest=await newest(database),
        published=await _published(service),
        verifications=await newest_verifications(database, _SHOWN),
        sentences=SENTENCES,
        formats=FORMATS,
        kinds=await kinds_of_acts(database) if is_whole else [],
        sees_all=is_whole,
    )


_FIELDS: Final = ("what", "blocks", "first", "last", "meaning", "checkpoints", "key", "from", "to", "kind")


async def _published(service: Service) -> dict[str, Any]:
    """Where checkpoints are kept, how often, and how far those in a file are."""
    settings = service.settings
    file, url = settings.checkpoint_file, settings.checkpoint_url
    last = problem = None
    if file is not None:
        try:
            last = await asyncio.to_thread(last_kept, file)
        except OSError as error:
            problem = f"it cannot be read: {error.strerror}"
    return {
        "file": file,
        "host": None if url is None else urlsplit(url).hostname,
        "seconds": settings.checkpoint_seconds,
        "last": None if last is None else last[0],
        "problem": problem,
    }

"""The application: the one place where everything is wired together."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

from litestar import Litestar

from api import (
    batch_results,
    batch_uploads,
    batches,
    decisions,
    erasures,
    exports,
    operations,
    policy,
    precedents,
    receipts,
    replay,
    reviews,
    reviews_queue,
    rulesets,
    schema,
)
from api.auth import guard
from api.dashboard.handlers import HANDLERS as PAGES
from api.dashboard.problems import answer_any
from api.deciding import Deciding
from api.direct import Application
from api.following import following
from api.reviews_filling import filling
from api.search_filling import reading
from api.service import InForce, Service
from eligibility.canonical import canonical
from eligibility.checkpoints import publishing
from eligibility.errors import SettingsInvalid
from eligibility.loading import load_rules, shipped_rules
from eligibility.review import Policy
from eligibility.rules_folder import read_folder
from eligibility.settings import Settings
from eligibility.storage.bootstrap import ensure_admin_key
from eligibility.storage.checkpoints import newest
from eligibility.storage.database import Database
from eligibility.storage.key_rotation import mend_rotation
from eligibility.storage.keys import Keys
from eligibility.storage.log import AuditLog
from eligibility.storage.reviews import keep_policy
from eligibility.storage.rulesets import genesis
from eligibility.storage.secret_files import service_secret
from eligibility.storage.sessions import Sessions
from eligibility.storage.signing_keys import signer

logger = logging.getLogger(__name__)

HANDLERS: Final = (
    decisions.methods,  # before the others of its path, for which the framework would make one
    decisions.decide,
    decisions.what_if,
    decisions.read,
    decisions.list_all,
    batches.methods,
    batches.list_all,
    batches.read,
    batches.cancel,
    batch_uploads.upload,
    batch_results.results,
    batch_results.refused,
    erasures.erase_texts,
    receipts.receipt,
    receipts.checkpoint,
    exports.export_log,
    replay.replay,
    reviews.say,
    reviews_queue.queue,
    reviews_queue.claim,
    reviews_queue.release,
    reviews_queue.hand_over,
    reviews_queue.assign,
    reviews.read,
    reviews.attach,
    reviews.read_file,
    precedents.methods,
    precedents.list_all,
    precedents.make,
    precedents.end,
    precedents.as_case,
    policy.policy,
    policy.policy_view,
    rulesets.methods,
    rulesets.list_all,
    rulesets.read,
    rulesets.load,
    rulesets.check,
    rulesets.compute_impact,
    rulesets.read_impact,
    rulesets.sign_off,
    rulesets.propose,
    rulesets.withdraw,
    rulesets.approve,
    rulesets.activate,
    rulesets.cancel,
    operations.live,
    operations.ready,
    schema.openapi_json,
    schema.openapi_yaml,
    schema.problems,
    *PAGES,
)
_LARGEST_OTHER_BODY: Final = 64 * 1024


def create_app(settings: Settings | None = None) -> Litestar:
    """The service as an ASGI application; settings come from the environment unless given.

    Its lifespan opens the database and the log, and fails with an error that says what to do where they are
    not as they should be.
    """
    return Application(
        route_handlers=HANDLERS,
        guards=[guard],
        exception_handlers={Exception: answer_any},
        lifespan=[_running(settings or Settings.from_environment())],
        request_max_body_size=_LARGEST_OTHER_BODY,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


def _running(settings: Settings) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with running_service(settings) as service:
            app.state.service = service
            yield

    return lifespan


@asynccontextmanager
async def running_service(settings: Settings) -> AsyncIterator[Service]:
    """Everything that handlers need, opened in order and closed in reverse.

    Raises SettingsInvalid, RulesetInvalid, StorageUnavailable.
    """
    if settings.database_url is None:
        raise SettingsInvalid(
            "there is no database: set `ELIGIBILITY_DATABASE_URL`, or start `eligibility serve`"
        )
    folder = settings.rules_dir or shipped_rules()
    shipped, files = load_rules(folder), read_folder(folder)
    secret, signing = service_secret(settings), signer(settings)
    database = Database.open(settings.database_url)
    try:
        await database.check_service_role()
        await database.ready()
        async with (
            publishing(
                partial(newest, database),
                file=settings.checkpoint_file,
                url=settings.checkpoint_url,
                seconds=settings.checkpoint_seconds,
            ),
            AuditLog(database, secret, signing) as log,
        ):
            await log.ensure_ready()
            await mend_rotation(database, signing)
            document = canonical(dict(shipped.document))
            await genesis(log, database, shipped.digest, shipped.version, document, files)
            await keep_policy(log, database, Policy(settings.review_sample_percent, **settings.review_days))
            in_force = await InForce.at_start(database, shipped)
            keys = Keys(database, secret)
            warning = await ensure_admin_key(keys, log, settings)
            if warning is not None:
                logger.warning(warning)
            idle = timedelta(minutes=settings.session_minutes)
            sessions = Sessions(database, secret, idle)
            deciding = Deciding(log, lambda: in_force.decider)
            service = Service(settings, database, log, keys, sessions, in_force, deciding)
            try:
                async with following(service), filling(database), reading(database, log):
                    yield service
            finally:
                await service.jobs.close()
                service.figures.close()
                await service.readings.close()
                await service.verifications.close()
                service.reasons.close()
    finally:
        await database.close()

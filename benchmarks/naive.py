"""What one would write first: decide, insert one row by the ORM, commit, answer. For comparison only."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import uuid_utils.compat
from litestar import Litestar, Request, Response, post
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from eligibility.decider import Decider
from eligibility.loading import load_rules, shipped_rules
from eligibility.reading import read_request
from eligibility.storage.urls import sqlalchemy_url

DATABASE = "BENCHMARK_DATABASE_URL"
"""The environment variable that says where the table is made."""


class Base(DeclarativeBase):
    """The tables of the naive service."""


class NaiveDecision(Base):
    """A decision with everything about it in one row."""

    __tablename__ = "naive_decision"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(index=True)
    request: Mapped[dict[str, Any]] = mapped_column(JSONB)
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB)


@post("/v1/decisions")
async def decide(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Decide, insert, commit, answer."""
    decider: Decider = request.app.state.decider
    made = decider.decide(read_request(await request.body(), decider.ruleset.vocabulary))
    identifier, at = uuid_utils.compat.uuid7(), datetime.now(UTC).replace(tzinfo=None)
    answer = made.json(identifier, at.replace(tzinfo=UTC))
    async with request.app.state.sessions() as session:
        session.add(
            NaiveDecision(
                id=identifier,
                at=at,
                outcome=made.outcome,
                request=made.request.document,
                answer=orjson.loads(answer),
            )
        )
        await session.commit()
    return Response(answer, status_code=201, media_type="application/json")


@asynccontextmanager
async def _running(app: Litestar) -> AsyncIterator[None]:
    engine = create_async_engine(sqlalchemy_url(os.environ[DATABASE]), pool_size=20, max_overflow=0)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    app.state.decider = Decider(load_rules(shipped_rules()))
    app.state.decider.warm_up()
    app.state.sessions = async_sessionmaker(engine)
    yield
    await engine.dispose()


def create_app() -> Litestar:
    """The application."""
    return Litestar([decide], lifespan=[_running], openapi_config=None)

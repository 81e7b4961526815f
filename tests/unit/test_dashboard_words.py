"""How pages say deadlines and sizes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.dashboard.wording import deadline, file_size, sentence

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def case(due: timedelta | None, *, state: str = "open", paused: timedelta | None = None) -> dict[str, Any]:
    return {
        "state": state,
        "due": None if due is None else (NOW + due).isoformat(),
        "paused_at": None if paused is None else (NOW + paused).isoformat(),
    }


@pytest.mark.parametrize(
    "told,words",
    [
        (case(timedelta(days=3, hours=5)), "in 3 days"),
        (case(timedelta(hours=-2)), "overdue by 2 hours"),
        (case(timedelta(seconds=-1)), "overdue by less than a minute"),
        (case(timedelta(days=1), state="waiting", paused=timedelta(days=-1)), "paused with 2 days left"),
        (case(timedelta(days=-3), state="waiting", paused=timedelta(days=-1)), "paused, overdue by 2 days"),
        (case(timedelta(days=1), state="closed"), "no deadline"),
        (case(None), "no deadline"),
    ],
)
def test_a_deadline_is_said_from_here(told: dict[str, Any], words: str) -> None:
    assert deadline(told, NOW) == words


@pytest.mark.parametrize(
    "size,words", [(1, "1 byte"), (1000, "1,000 bytes"), (1536, "1.5 kB"), (3 << 20, "3.0 MB")]
)
def test_a_size_is_said_in_its_unit(size: int, words: str) -> None:
    assert file_size(size) == words


def test_words_become_a_sentence() -> None:
    assert sentence("it shows a fact") == "It shows a fact."
    assert sentence("Why so?") == "Why so?"

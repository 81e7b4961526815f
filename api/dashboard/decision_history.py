"""The history of a decision in words: who asked for it, saw it, and did what about it; newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

from api.dashboard.wording import EVENTS, OUTCOMES, plain, written_time
from eligibility.review import REASONS
from eligibility.storage.decision_history import MOST_EVENTS, Around, Event
from eligibility.storage.decisions import StoredDecision
from eligibility.storage.records import actor_of
from eligibility.storage.reviews import PREFIX

_REST: Final = f"Earlier than that, more than these {MOST_EVENTS}"


class HistoryLine(NamedTuple):
    """An event: `what` was done, with `more` of it, through which `channel`. Without a time, it is a remark.

    `text` is what was said with it, empty where nothing was told.
    """

    at: datetime | None
    by: str
    what: str
    more: str
    channel: str = ""
    text: str = ""


def history(stored: StoredDecision, around: Around) -> list[HistoryLine]:
    """All that the log tells, newest first; of each kind of event the newest."""
    events = (around.looks, around.acts, around.exports)
    lines = [_line(event) for some in events for event in some[:MOST_EVENTS]]
    by = stored.requested_by or stored.actor
    lines.append(HistoryLine(stored.at, by, EVENTS["decision"], "", stored.channel))
    lines.sort(key=lambda line: line.at or stored.at, reverse=True)
    remarks = [
        HistoryLine(None, "", EVENTS.get(some[0].kind, "Did something about it"), _REST)
        for some in events
        if len(some) > MOST_EVENTS
    ]
    return [*_together(lines), *remarks]


def _together(lines: Iterable[HistoryLine]) -> Iterator[HistoryLine]:
    """The lines, with looks of one person that follow upon each other in one."""
    for (_, _, what), group in groupby(lines, lambda line: (line.by, line.channel, line.what)):
        newest, *others = group
        if others and what == EVENTS["access"]:
            first = others[-1].at
            since = f" since {written_time(first)}" if first else ""
            yield newest._replace(more=f"{len(others) + 1} times{since}")
        else:
            yield from (newest, *others)


def said_step(step: Mapping[str, Any]) -> HistoryLine:
    """A step of a review, as `api.reviews_told` has it, in words."""
    at = datetime.fromisoformat(step["at"])
    attached = step["attachment"]
    text = step["text"] or "what was said is erased"
    if attached and attached["name"]:
        text += f" ({attached['name']}, {attached['size']:,} bytes)"
    return HistoryLine(at, step["by"], EVENTS[PREFIX + step["kind"]], _more(step["kind"], step), text=text)


def _line(event: Event) -> HistoryLine:
    what = EVENTS.get(event.kind) or plain(event.kind.replace(".", " ")).capitalize()
    by = event.by or actor_of(event.actor)
    return HistoryLine(event.at, by, what, _more(event.kind.removeprefix(PREFIX), event.facts), event.channel)


def _more(kind: str, facts: Mapping[str, Any]) -> str:
    """The outcome that a step was for, and its coded reason."""
    outcome, reason = str(facts.get("outcome")), facts.get("reason")
    said = [OUTCOMES[outcome].word] if outcome in OUTCOMES else []
    words: Mapping[str, str] = next((words for step, words in REASONS.items() if step == kind), {})
    if isinstance(reason, str) and reason in words:
        said.append(words[reason])
    return ": ".join(said)

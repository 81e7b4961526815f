"""What the rule engine is known to get wrong, shown where that is safe, each in a process of its own."""

from tests.unit.processes import alone

RAW = """
import json
import durable_rules_engine as raw

def ruleset(**tests):
    named = {name: {"all": [{"m": test}]} for name, test in tests.items()}
    return raw.create_ruleset("t", json.dumps(named))

def put(handle, **fact):
    return raw.assert_fact(handle, json.dumps({"id": "1", **fact}))

def fired(handle, state):
    started = raw.start_action_for_state(handle, state)
    message, names = started and started[1], []
    while message:
        names.append(next(iter(json.loads(message))))
        message = raw.complete_and_start_action(handle, state)
    return names
"""


def test_a_fact_without_a_rule_is_not_handled_by_the_raw_engine() -> None:
    assert alone(RAW, "print(json.dumps(put(ruleset(a={'x': True}), sid='s', y=True)[0]))") == 1


def test_a_rule_on_the_session_matches_the_state_itself_in_the_raw_engine() -> None:
    shown = alone(
        RAW, "h = ruleset(a={'$ex': {'sid': 1}})", "print(json.dumps(fired(h, put(h, sid='s', x=1)[1])))"
    )
    assert len(shown) > 1  # one fact, several firings


def test_the_raw_engine_holds_no_more_than_1024_sessions() -> None:
    shown = alone(
        RAW,
        "h, made = ruleset(a={'x': True}), 0",
        "try:",
        "    while made < 5000: put(h, sid=f's{made}', x=True); made += 1",
        "except MemoryError: print(made)",
    )
    assert shown == 1024


def test_values_are_compared_badly_by_the_raw_engine() -> None:
    shown = alone(
        RAW,
        "h = ruleset(above={'$gt': {'x': 7}}, upto={'$lte': {'x': 7}}, same={'x': 5}, seen={'t': True})",
        "found = {}",
        "for number, value in enumerate((None, '8', '5', True)):",
        "    found[repr(value)] = fired(h, put(h, sid=f's{number}', t=True, x=value)[1])",
        "print(json.dumps(found))",
    )
    assert shown["None"] == ["seen"]
    assert "above" in shown["'8'"]
    assert "same" in shown["'5'"]
    assert "upto" in shown["True"]


def test_the_raw_engine_refuses_wide_facts() -> None:
    shown = alone(
        RAW,
        "try: put(ruleset(a={'x': True}), sid='s', x=True, **{f'p{n}': True for n in range(300)})",
        "except raw.error as failure: print(json.dumps(str(failure)))",
    )
    assert "error code" in shown


def test_no_more_than_64_rules_can_match_one_fact_of_the_raw_engine() -> None:
    shown = alone(
        RAW,
        "def matching(number):",
        "    tests = {f'r{n}': {'$and': [{'t': True}, {f'p{n}': True}]} for n in range(number)}",
        "    fact = {f'p{n}': True for n in range(number)}",
        "    return put(ruleset(seen={'t': True}, **tests), sid='s', t=True, **fact)",
        "found = [matching(64)[0]]",
        "try: matching(65)",
        "except raw.error as failure: found.append(str(failure))",
        "print(json.dumps(found))",
    )
    assert shown[0] == 0
    assert "303" in shown[1]


def test_alternatives_that_both_hold_fire_twice_in_the_raw_engine() -> None:
    shown = alone(
        RAW,
        "h = ruleset(a={'$or': [{'x': True}, {'y': True}]})",
        "print(json.dumps(fired(h, put(h, sid='s', x=True, y=True)[1])))",
    )
    assert shown == ["a", "a"]


def test_an_exception_in_an_action_is_swallowed_by_the_raw_engine() -> None:
    shown = alone(
        "import json",
        "from durable import engine",
        "class Quiet(engine.Host):",
        "    def _run(self): pass",
        "def act(_): raise ValueError",
        "host = Quiet()",
        "host.register_rulesets({'t': {'a': {'all': [{'m': {'x': 1}}], 'run': act}}})",
        "print(json.dumps(host.assert_fact('t', {'id': 1, 'sid': 's', 'x': 1})))",
    )
    assert "exception" in shown  # the call returned as if nothing had happened


def test_the_raw_host_starts_threads_of_its_own() -> None:
    started = alone(
        "import json, threading",
        "from durable import engine",
        "before = threading.active_count(); engine.Host()",
        "print(json.dumps(threading.active_count() - before))",
    )
    assert started == 2

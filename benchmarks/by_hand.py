"""The policy as somebody writes it by hand: a line of JSON in, ifs, a line of JSON out. For comparison only.

It checks no form, explains nothing, and tries what is unknown over a few values of each fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import orjson

Object = dict[str, Any]
Unknown = tuple[str, Object, str, tuple[Any, ...]]
"""A fact that counts and was not given: its path, where it belongs, and values to try."""

OLD = {"llama-2", "llama-3"}
EU_CLAUSE = {"llama-3.2", "llama-3.3", "llama-4"}
MULTIMODAL = {"llama-2": False, "llama-3": False, "llama-3.1": False, "llama-3.3": False, "llama-4": True}
PERSONS = {"individual", "researcher"}
CASE_BY_CASE = {"researcher", "academic_institution", "government_agency", "government_partner"}
RECIPIENTS = {"end_user", "integrated_product_recipient"}
MEMBERS = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"
EU = frozenset(f"{MEMBERS} GP MQ GF RE YT MF AX".split())
MOST_USERS = 700_000_000
EIGHT = frozenset(("en", "de", "fr", "it", "pt", "hi", "es", "th"))
LANGUAGES = {
    "llama-3.1": EIGHT,
    "llama-3.2": EIGHT,
    "llama-3.3": EIGHT,
    "llama-4": EIGHT | {"ar", "id", "tl", "fil", "vi"},
}
ASSURED = {
    "age_restricted_material": "age_gating_in_place",
    "professional_practice": "licensed_professional",
    "sensitive_personal_data": "data_rights_obtained",
    "impersonation": "impersonation_authorised",
}
REVIEWED = {
    *("safety_circumvention", "military_warfare", "nuclear_industry", "espionage", "itar_activity"),
    *("transportation_operation", "heavy_machinery_operation"),
}
LATER = {"safety_circumvention", "unlawful_third_party_tools"}
TRIED_PURPOSES = (["general"], ["fraud"], ["military_warfare"])
TRIED_ACTIVITIES = (["use"], ["develop"], ["improve_other_model"])


def _catalogue() -> dict[str, bool]:
    """Names of released models, and whether each is multimodal."""
    text = [f"llama-2-{size}b{end}" for size in (7, 13, 70) for end in ("", "-chat", "-hf", "-chat-hf")]
    text += [f"llama-3-{size}b{end}" for size in (8, 70) for end in ("", "-instruct")]
    text += [f"llama-3.1-{size}b{end}" for size in (8, 70, 405) for end in ("", "-instruct")]
    text += ["llama-3.1-405b-fp8", "llama-3.1-405b-instruct-fp8", "llama-3.3-70b-instruct"]
    text += [f"llama-3.2-{size}b{end}" for size in (1, 3) for end in ("", "-instruct")]
    seeing = [f"llama-3.2-{size}b-vision{end}" for size in (11, 90) for end in ("", "-instruct")]
    seeing += [
        f"llama-4-{model}{end}"
        for model in ("scout-17b-16e", "maverick-17b-128e")
        for end in ("", "-instruct")
    ]
    seeing += ["llama-4-maverick-17b-128e-instruct-fp8"]
    return {**dict.fromkeys(text, False), **dict.fromkeys(seeing, True)}


CATALOGUE = _catalogue()


class Judged:
    """What is found about one request of which every fact that counts is known."""

    __slots__ = ("contacts", "notes", "obligations", "prohibitions")

    def __init__(self) -> None:
        """Nothing is found so far."""
        self.prohibitions: list[str] = []
        self.contacts: dict[str, str] = {}
        self.notes: list[str] = []
        self.obligations: list[str] = []

    @property
    def outcome(self) -> str:
        """A prohibition is never outvoted, nor a contact overlooked."""
        return "prohibited" if self.prohibitions else "contact_meta" if self.contacts else "permitted"

    @property
    def findings(self) -> list[str]:
        """All names."""
        return [*self.prohibitions, *self.contacts, *self.notes]


def multimodal(model: Object) -> tuple[bool | None, bool]:
    """Whether the model is multimodal, None where nothing says so; and whether it is a derivative."""
    name = model.get("name")
    released = None
    if name:
        released = CATALOGUE.get(name.casefold().removeprefix("meta-llama/").removeprefix("meta-"))
    stated = model.get("multimodal")
    if stated is None:
        stated = released if released is not None else MULTIMODAL.get(model["generation"])
    return stated, bool(name) and released is None


def judge(  # noqa: C901, PLR0912, PLR0915 - one long row of ifs is the point
    model: Object, entity: Object, use: Object
) -> Judged:
    """Apply the policy."""
    found = Judged()
    prohibitions, contacts, notes = found.prohibitions, found.contacts, found.notes
    generation, kind, activities = model["generation"], entity["kind"], use["activities"]
    is_multimodal, derivative = multimodal(model)
    is_person = kind in PERSONS
    employer = entity.get("employer") or {}
    employed = is_person and use.get("on_behalf_of") == "employer"
    if employed:
        country, principal = employer.get("principal_place_of_business"), employer.get("kind")
    else:
        country = entity.get("domicile" if is_person else "principal_place_of_business")
        principal = kind
    in_eu, reviewed = country in EU, principal in CASE_BY_CASE

    def prohibit(name: str, *, case_by_case: bool) -> None:
        if case_by_case and reviewed:
            contacts[name] = "case_by_case"
        else:
            prohibitions.append(name)

    recipient = use.get("capacity") in RECIPIENTS
    if recipient and set(activities) != {"use"}:
        notes.append("licence.recipient-claim-void")
        recipient = False
    product, weights = "distribute_product" in activities, "distribute_model" in activities
    if generation in EU_CLAUSE and is_multimodal:
        _eu_clause(found, entity, use, in_eu=in_eu, recipient=recipient, employed=employed, prohibit=prohibit)
    elif generation == "llama-4" and derivative and in_eu and not recipient:
        contacts["licence.eu-text-derivative"] = "clarification"
    if (entity.get("monthly_active_users") or 0) > MOST_USERS:
        if recipient:
            notes.append("licence.integrated-product")
        else:
            contacts["licence.mau-threshold"] = "separate_licence"
    if "improve_other_model" in activities:
        if generation not in OLD:
            notes.append("licence.improve-with-attribution")
        elif use["output_model"]["target"] != "llama_derivative":
            prohibit("licence.improve-other-model", case_by_case=True)
    if entity.get("ip_litigation_against_meta"):
        prohibitions.append("licence.ip-litigation")
    if entity.get("licence_terminated"):
        prohibitions.append("licence.terminated")
    if entity.get("can_accept_licence") is False:
        prohibitions.append("licence.capacity")
    if entity.get("trade_restricted"):
        prohibitions.append("licence.trade-compliance")
    languages = use.get("languages")
    if languages and "fine_tune" in activities and generation not in OLD:
        supported = LANGUAGES[generation]
        if any(tag.split("-")[0].lower() not in supported for tag in languages):
            notes.append("licence.unsupported-language")
    infrastructure = use["critical_infrastructure"]
    if infrastructure["role"] == "operation":
        prohibit("aup.critical-infrastructure-operation", case_by_case=True)
        if (infrastructure.get("certification") or "").strip():
            notes.append("aup.critical-infrastructure-certification")
    elif infrastructure["role"] == "operator_unrelated_use":
        notes.append("aup.critical-infrastructure-unrelated")
    _purposes(found, use, generation, prohibit)
    if found.outcome == "permitted":
        _obligations(found, generation, use, product=product, weights=weights)
    return found


def _eu_clause(  # noqa: C901, PLR0912 - one clause, with what was worked out before
    found: Judged, entity: Object, use: Object, *, in_eu: bool, recipient: bool, employed: bool, prohibit: Any
) -> None:
    notes, activities = found.notes, use["activities"]
    if in_eu:
        if recipient:
            notes.append("licence.eu-multimodal-end-user")
        else:
            prohibit("licence.eu-multimodal", case_by_case=True)
        return
    if employed and entity.get("domicile") in EU:
        if entity["employer"]["relationship"] == "employee":
            notes.append("licence.eu-resident-employee")
        elif not recipient:
            found.contacts["licence.eu-resident-contractor"] = "clarification"
    affiliates = [one for one in entity.get("affiliates") or () if one["principal_place_of_business"] in EU]
    if affiliates and not recipient:
        involved = {part for one in affiliates for part in one["involved_in"]}
        if "development" in involved:
            found.prohibitions.append("licence.eu-affiliate-develops")
        elif involved:
            found.contacts["licence.eu-affiliate-distributes"] = "clarification"
        else:
            notes.append("licence.eu-affiliate-excluded")
    if entity["kind"] not in PERSONS and not EU.isdisjoint(entity.get("development_offices") or ()):
        notes.append("licence.eu-office")
    regions = use.get("distribution_regions") or ()
    if any(region in EU or region in {"EU", "worldwide"} for region in regions):
        if "distribute_product" in activities:
            notes.append("licence.eu-distribution")
        if "distribute_model" in activities:
            notes.append("licence.eu-model-recipients")


def _purposes(found: Judged, use: Object, generation: str, prohibit: Any) -> None:
    assurances = use.get("assurances") or {}
    outside = False
    for purpose in use["purposes"]:
        if purpose == "general" or (purpose in ASSURED and assurances.get(ASSURED[purpose])):
            continue
        if purpose in LATER and generation not in EU_CLAUSE:
            outside = True
            continue
        prohibit("aup." + purpose.replace("_", "-"), case_by_case=purpose in REVIEWED)
    if outside:
        found.notes.append("aup.not-in-this-generation")
    if assurances.get("known_dangers_disclosed") is False:
        found.prohibitions.append("aup.undisclosed-dangers")


def _obligations(found: Judged, generation: str, use: Object, *, product: bool, weights: bool) -> None:
    due, activities = found.obligations, use["activities"]
    if weights or (product and generation != "llama-2"):
        due.append("licence-copy")
    if generation != "llama-2":
        if weights or product:
            due.append("built-with")
        gives_on = "improve_other_model" in activities and use["output_model"].get("distributed")
        if ("fine_tune" in activities and (weights or product)) or gives_on:
            due.append("model-name-prefix")
    if weights:
        due.append("notice-file")
    due.append("follow-aup")
    if product:
        due.append("disclose-dangers")
    if generation in OLD:
        due.append("no-other-model")
    if "licence.eu-affiliate-excluded" in found.notes:
        due.append("exclude-eu-affiliates")


def _unknown(  # noqa: C901, PLR0912 - one fact after the other
    model: Object, entity: Object, use: Object
) -> Iterator[Unknown]:
    """The facts that count and are not known."""
    is_person = entity["kind"] in PERSONS
    employed = is_person and use.get("on_behalf_of") == "employer"
    if multimodal(model)[0] is None:
        yield "model.multimodal", model, "multimodal", (False, True)
    where = "domicile" if is_person else "principal_place_of_business"
    if entity.get(where) is None:
        yield f"entity.{where}", entity, where, ("US", "DE")
    if employed:
        employer = entity.setdefault("employer", {})
        for member, values in (
            ("kind", ("company", "government_agency")),
            ("principal_place_of_business", ("US", "DE")),
            ("relationship", ("employee", "contractor")),
        ):
            if employer.get(member) is None:
                yield f"entity.employer.{member}", employer, member, values
    for number, affiliate in enumerate(entity.get("affiliates") or ()):
        if affiliate.get("principal_place_of_business") is None:
            path = f"entity.affiliates[{number}].principal_place_of_business"
            yield path, affiliate, "principal_place_of_business", ("US", "DE")
        if affiliate.get("involved_in") is None:
            path = f"entity.affiliates[{number}].involved_in"
            yield path, affiliate, "involved_in", ((), ("development",), ("distribution",))
    if entity.get("monthly_active_users") is None and (employed or not is_person):
        yield "entity.monthly_active_users", entity, "monthly_active_users", (0, MOST_USERS + 1)
    if use.get("activities") is None:
        yield "use.activities", use, "activities", TRIED_ACTIVITIES
    if use.get("purposes") is None:
        yield "use.purposes", use, "purposes", TRIED_PURPOSES
    infrastructure = use.setdefault("critical_infrastructure", {})
    if infrastructure.get("role") is None:
        yield "use.critical_infrastructure.role", infrastructure, "role", ("none", "operation")
    for purpose in use.get("purposes") or ():
        if purpose in ASSURED:
            assurances = use.setdefault("assurances", {})
            if assurances.get(ASSURED[purpose]) is None:
                path = f"use.assurances.{ASSURED[purpose]}"
                yield path, assurances, ASSURED[purpose], (False, True)
    if "improve_other_model" in (use.get("activities") or ("improve_other_model",)):
        output = use.setdefault("output_model", {})
        if output.get("target") is None:
            yield "use.output_model.target", output, "target", ("llama_derivative", "other_llm")
        if output.get("distributed") is None:
            yield "use.output_model.distributed", output, "distributed", (False, True)


def decide(number: int, line: bytes) -> bytes:
    """The result line of a line, whose form is taken on trust."""
    return result(number, orjson.loads(line))


def result(number: int, request: Object) -> bytes:
    """The result line of a request."""
    model, entity = request["model"], request["entity"]
    use = request.setdefault("use", {})
    unknown = list(_unknown(model, entity, use))
    if unknown:
        outcome, findings, obligations, missing, reasons = _tried(unknown, model, entity, use)
    else:
        found = judge(model, entity, use)
        outcome, findings, obligations, missing = (
            found.outcome,
            found.findings,
            found.obligations,
            list[str](),
        )
        reasons = sorted(set(found.contacts.values())) if outcome == "contact_meta" else []
    return orjson.dumps(
        {
            "line": number,
            "request_id": request.get("request_id"),
            "outcome": outcome,
            "findings": findings,
            "obligations": obligations,
            "missing_facts": missing,
            "contact_reasons": reasons,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _tried(
    unknown: list[Unknown], model: Object, entity: Object, use: Object
) -> tuple[str, list[str], list[str], list[str], list[str]]:
    """Every combination of the values of what is unknown."""
    tried: dict[tuple[str, ...], Judged] = {}
    for values in product(*(values for _, _, _, values in unknown)):
        for (_, owner, member, _), value in zip(unknown, values, strict=True):
            owner[member] = value
        tried[tuple(map(str, values))] = judge(model, entity, use)
    each = list(tried.values())
    findings = [name for name in each[0].findings if all(name in one.findings for one in each)]
    contacts = {key for key in each[0].contacts.items() if all(key in one.contacts.items() for one in each)}
    certain = {reason for _, reason in contacts}
    if len({one.outcome for one in each}) == 1:
        reasons = certain or {reason for one in each for reason in one.contacts.values()}
        obligations = [name for name in each[0].obligations if all(name in one.obligations for one in each)]
        outcome = each[0].outcome
        return outcome, findings, obligations, [], sorted(reasons) if outcome == "contact_meta" else []
    missing = []
    for place, (path, _, _, _) in enumerate(unknown):
        alone: dict[tuple[str, ...], set[str]] = {}
        for values, one in tried.items():
            alone.setdefault((*values[:place], *values[place + 1 :]), set()).add(one.outcome)
        if any(len(outcomes) > 1 for outcomes in alone.values()):
            missing.append(path)
    return "contact_meta", findings, [], missing, sorted(certain | {"clarification"})

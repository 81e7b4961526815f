"""The rules folder, read strictly: every fault at once, each with file, line and remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any as Anything

from pydantic import ValidationError

from eligibility.answering import OPEN
from eligibility.atoms import UNKNOWN, Cells, Questions
from eligibility.building import build
from eligibility.errors import RuleFault, RulesetInvalid
from eligibility.parsing import Faults, Place, near
from eligibility.ruleset import SEMANTICS, Ruleset
from eligibility.schema import SECTIONS, RuleForm
from eligibility.semantics import Semantics
from eligibility.soundness import unsound
from eligibility.trial import Trial
from eligibility.yaml_files import Entries, line_of, plain, read_yaml

BESIDE = ("register", "survivors")
"""Files that stand beside the rules and are no part of the ruleset; other modules read them."""

RULE_FILES = ("principal", "licence", "critical-infrastructure", "acceptable-use", "obligations", "outcome")


def shipped_rules() -> Path:
    """The folder of the rules shipped with the project."""
    # a folder of data is a namespace without a path of its own, so ask for a file that must be there
    return Path(str(files("rules") / "ruleset.yaml")).parent


def load_rules(folder: Path) -> Ruleset:
    """Load the ruleset of a folder.

    Raises:
        RulesetInvalid: everything that is wrong with it.
    """
    source = _Source(folder)
    document: dict[str, Anything] = {"semantics": SEMANTICS}
    for name, form in SECTIONS.items():
        section = source.section(name, form)
        document.update({"texts": section} if name == "texts" else section)
    document["rules"] = source.rules()
    source.raise_faults()
    for fault in unsound(document):
        source.add(fault.where, fault.detail, fault.remedy)
    source.raise_faults()
    try:
        ruleset = build(document)
    except Faults as found:
        for fault in found.faults:
            source.add(fault.where, fault.detail, fault.remedy)
        source.raise_faults()
        raise
    for rule, generation in _never_firing(ruleset):
        index = next(i for i, words in enumerate(document["rules"]) if words["id"] == rule)
        detail = f"`{rule}` can never fire in `{generation}`: no request satisfies its `when`"
        source.add(("rules", index, "when"), detail, "correct the condition, or leave the generation out")
    source.raise_faults()
    return ruleset


def _never_firing(ruleset: Ruleset) -> Iterator[tuple[str, str]]:
    """The rules that fire for no values of the facts, whatever they are."""
    for generation in ruleset.generations:
        questions = Questions(ruleset, ruleset.program(generation))
        trial = Trial(questions, anything(questions))
        verdict = Semantics(questions.program).judge(trial.atoms, trial.space)
        for rule in questions.program.rules:
            if rule.id not in verdict.rules:
                yield rule.id, generation


def anything(questions: Questions) -> Cells:
    """Cells of which nothing is known, with as many affiliates as there are questions about them."""
    return Cells(
        asked=(UNKNOWN,) * len(questions.asked),
        statuses=(OPEN,) * len(questions.statuses),
        # of a request, alike affiliates are one pair; here several stand for affiliates that differ
        affiliates=((UNKNOWN, UNKNOWN),) * len(questions.some),
    )


class _Source:
    """The files of a folder, and where in them each part of the document stands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[RuleFault] = []
        self._nodes: dict[str, tuple[str, Anything]] = {}
        self._rules: list[tuple[str, Anything]] = []
        if not folder.is_dir():
            self._fault(".", None, f"there is no folder `{folder}`", "name the folder of the rules")
            self.raise_faults()

    def raise_faults(self) -> None:
        if self.faults:
            raise RulesetInvalid(self.faults)

    def _fault(self, file: str, line: int | None, detail: str, remedy: str) -> None:
        self.faults.append(RuleFault(file, line, detail, remedy))

    def _read(self, name: str) -> Anything:
        """The content of a YAML file, which knows its lines."""
        file = f"{name}.yaml"
        if not (self.folder / file).exists():
            self._fault(file, None, "the file is missing", "add it; rules/README.md says what belongs in it")
            return None
        before = len(self.faults)
        content = read_yaml(self.folder / file, file, self.faults)
        if len(self.faults) > before:
            return None
        if not isinstance(content, Entries):
            self._fault(file, 1, "the file holds no mapping", "start it with a key; see rules/README.md")
            return None
        return content

    def section(self, name: str, form: type[Anything]) -> dict[str, Anything]:
        """The part of the document that one file gives."""
        content = self._read(name)
        if content is None:
            return {}
        for key in content:
            self._nodes[str(key)] = (f"{name}.yaml", content)
        return self._checked(form, content, f"{name}.yaml", content)

    def _checked(
        self, form: type[Anything], value: Anything, file: str, node: Anything
    ) -> dict[str, Anything]:
        try:
            checked: dict[str, Anything] = form.model_validate(plain(value)).model_dump(
                mode="json", by_alias=True, exclude_unset=True
            )
        except ValidationError as error:
            for found in error.errors(include_url=False):
                where = found["loc"]
                detail, remedy = _explain(found, form)
                self._fault(file, line_of(node, where), detail, remedy)
            return {}
        return checked

    def rules(self) -> list[Anything]:
        """The rules of all rule files, by id: their order in the files means nothing."""
        known = {*RULE_FILES, *SECTIONS, *BESIDE}
        for path in sorted(self.folder.glob("*.yaml")):
            if path.stem not in known:
                self._fault(
                    path.name, None, "no such file is read", near(path.stem, known) or "rename or remove it"
                )
        found = []
        for name in RULE_FILES:
            content = self._read(name)
            if content is None:
                continue
            if list(content) != ["rules"] or not isinstance(content["rules"] or [], list):
                self._fault(
                    f"{name}.yaml", 1, "a rule file has the one key `rules`", "list the rules under it"
                )
                continue
            for node in content["rules"] or ():
                checked = self._checked(RuleForm, node, f"{name}.yaml", node)
                if checked:
                    found.append((checked, f"{name}.yaml", node))
        found.sort(key=lambda item: str(item[0]["id"]))
        self._rules = [(file, node) for _, file, node in found]
        return [checked for checked, _, _ in found]

    def add(self, where: Place, detail: str, remedy: str) -> None:
        """Add a fault of the document, at the file and line of its place."""
        if where[:1] == ("rules",) and len(where) > 1:
            file, node = self._rules[int(where[1])]
            rest = where[2:]
        else:
            file, node = self._nodes.get(str(where[0]), ("outcome.yaml", {}))
            rest = where
        self._fault(file, line_of(node, rest), detail, remedy)


def _explain(found: Mapping[str, Anything], form: type[Anything]) -> tuple[str, str]:
    """A fault of structure in plain words, and its remedy."""
    name = found["loc"][-1] if found["loc"] else ""
    place = ".".join(str(part) for part in found["loc"])
    kind = found["type"]
    if kind == "extra_forbidden":
        known = {
            str(field.alias or key) for model in form.parts() for key, field in model.model_fields.items()
        }
        return f"`{name}` is no key here", near(
            str(name), known
        ) or "remove it; rules/README.md lists the keys"
    if kind == "missing":
        return f"`{name}` is missing", f"add `{name}`; rules/README.md says what belongs there"
    message = str(found["msg"]).removeprefix("Value error, ")
    return f"`{place}` can not be read: {message[:1].lower()}{message[1:]}", "see rules/README.md"

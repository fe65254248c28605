"""Checks that every name a config mentions stands for something in it, and that nothing has two meanings."""

from collections.abc import Iterator

from alerts.oncall import EVERYONE
from monitor.config.problems import Problems
from monitor.config.sentences import did_you_mean
from probes.yamlfile import Node


class _Names:
    """Looks names up, and says which one was probably meant."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def named(self, section: Node, key: str, word: str) -> dict[str, Node]:
        """The names that a list gives, each once."""
        found: dict[str, Node] = {}
        for item in _items(section, key):
            name = item.step("name")
            if name is None or not isinstance(name.value, str):
                continue
            if name.value in found:
                self._problems.add(
                    name.place,
                    f"there is already a {word} named {name.value!r}, in {found[name.value].place}; "
                    "every name is unique",
                )
            elif name.value == EVERYONE:
                self._problems.add(name.place, f"{EVERYONE} stands for all people; choose another name")
            else:
                found[name.value] = name
        return found

    def apart(self, people: dict[str, Node], rotations: dict[str, Node]) -> None:
        """A step that says `notify: [mei]` must mean one thing."""
        for name in people.keys() & rotations.keys():
            self._problems.add(
                rotations[name].place,
                f"{name!r} is a person too, in {people[name].place}; give the rotation a name of its own",
            )

    def known(self, name: Node | None, among: list[str], what: str, word: str) -> None:
        """Note a name that is not among the known ones."""
        if name is None or not isinstance(name.value, str) or name.value in among:
            return
        no_such = f"there is no such {word}{did_you_mean(name.value, among)}" if among else f"there is no {word} yet"
        self._problems.add(name.place, f"{what} {name.value!r}, but {no_such}")


def check_references(root: Node, notifiers: list[str], problems: Problems) -> None:
    """Note each name that leads nowhere. It reads the file as written, so that one broken entry hides no other.

    `notifiers` are the names of all notifiers, the implied one included.
    """
    oncall = root.mapping.get("oncall", Node(root.place, {}))
    check = _Names(problems)
    people = check.named(oncall, "people", "person")
    rotations = check.named(oncall, "rotations", "rotation")
    escalations = check.named(oncall, "escalations", "escalation")
    check.apart(people, rotations)
    for rotation in _items(oncall, "rotations"):
        for person in _items(rotation, "people"):
            check.known(person, list(people), f"{_called('rotation', rotation)} names", "person")
    for override in _items(oncall, "overrides"):
        check.known(override.step("rotation"), list(rotations), "the override names", "rotation")
        check.known(override.step("person"), list(people), "the override names", "person")
    whom = [*rotations, *people, EVERYONE]
    for escalation in _items(oncall, "escalations"):
        what = f"{_called('escalation', escalation)} names"
        for step in _items(escalation, "steps"):
            for name in _items(step, "notify"):
                check.known(name, whom, what, "rotation or person")
            for name in _items(step, "by"):
                check.known(name, notifiers, what, "notifier")
    check.named(root, "maintenance", "maintenance window")
    _check_routes(root, list(escalations), notifiers, check, problems)


def _check_routes(
    root: Node, escalations: list[str], notifiers: list[str], check: "_Names", problems: Problems
) -> None:
    taken: Node | None = None
    for route in _items(root, "routes"):
        if not isinstance(route.value, dict):
            continue
        check.known(route.step("escalation"), escalations, "the route leads to", "escalation")
        for name in _items(route, "notify"):
            check.known(name, notifiers, "the route leads to", "notifier")
        if "escalation" not in route.mapping and not _items(route, "notify"):
            problems.add(route.place, "this route leads to nobody; give it an escalation, or notifiers to notify")
        elif "escalation" in route.mapping and "notify" in route.mapping:
            problems.add(route.key_place("notify"), "a route leads to an escalation or to notifiers; keep one of them")
        if taken is not None:
            problems.add(route.place, f"no alert comes here: the route in {taken.place} takes them all; put it last")
        elif not route.step("match") or route.mapping["match"].value == {}:
            taken = route


def _items(node: Node, key: str) -> Iterator[Node] | list[Node]:
    child = node.step(key)
    return child.items if child is not None else []


def _called(word: str, node: Node) -> str:
    name = node.step("name")
    return f"{word} {name.value!r}" if name is not None and isinstance(name.value, str) else f"this {word}"

"""Checks one part of the config against its model, and puts every complaint at the place that caused it."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from monitor.config.parts import model_at
from monitor.config.problems import Problems
from monitor.config.scalars import check_scalars
from monitor.config.sentences import did_you_mean, is_type_error, known_keys, sentence, unexpected, wanted
from probes.settings import Settings
from probes.yamlfile import Key, Node, plain

M = TypeVar("M", bound=Settings)
_Error = dict[str, Any]
#: What the config as a whole is called in messages.
WHOLE = "the config"
_SINGULAR = {"people": "person", "entries": "entry"}


def validate(
    model: type[M],
    node: Node,
    what: str,
    problems: Problems,
    data: Any = None,
    folder: Path | None = None,
    known: tuple[str, ...] = (),
) -> M | None:
    """The model's instance, or None with the problems noted. `what` names the part, such as `probe 'home'`.

    `data` stands in for the node's own values where parts of it are checked already. Paths are relative to `folder`, by
    default that of the file where the node is written. `known` are keys that were read before.
    """
    data = plain(node) if data is None else data
    folder = folder or folder_of(node)
    check_scalars(model, node, folder, problems)
    try:
        return model.model_validate(data, context={"folder": folder})
    except ValidationError as invalid:
        errors = [dict(error) for error in invalid.errors(include_url=False, include_input=False)]
    except Exception as error:  # a validator's own bug must not hide the other problems, nor look like the user's
        problems.add(
            node.place,
            f"{what} cannot be read; this is a bug in Shopwatch: {type(error).__name__}: {error}",
            within=node,
        )
        return None
    _Explanation(model, node, what, problems, known).of(errors)
    return None


class _Explanation:
    """Turns a validator's errors about one part into sentences at their places."""

    def __init__(
        self, model: type[BaseModel], node: Node, what: str, problems: Problems, known: tuple[str, ...]
    ) -> None:
        self._model, self._node, self._what, self._problems, self._known = model, node, what, problems, known

    def of(self, errors: list[_Error]) -> None:
        """Errors about one value, such as those of the branches of a union, become one sentence."""
        by_value: dict[tuple[Key, ...], list[_Error]] = defaultdict(list)
        met: Counter[tuple[Key, ...]] = Counter()
        for error in errors:
            if error["type"] in ("missing", "extra_forbidden"):
                met[_way(self._node, error["loc"][:-1])] += 1
                self._key(error)
            elif error["loc"][-1:] == ("[key]",):
                self._named_badly(error)
            else:
                by_value[_way(self._node, error["loc"])].append(error)
        within = Counter(way[:length] for way in (*met, *by_value) for length in range(len(way) + 1))
        for way, group in by_value.items():
            if all(map(is_type_error, group)) and within[way] > 1:
                continue  # another branch of the union fits the value better, and is explained by what is wrong in it
            self._value(way, group)

    def _value(self, way: tuple[Key, ...], group: list[_Error]) -> None:
        here, _ = self._node.walk(way)
        group = [error for error in group if not _only_follows(error, here)]
        if not group:
            return
        key = _title(way, here) or self._what
        written = here.written if not isinstance(here.value, dict | list) else ""
        telling = [error for error in group if not is_type_error(error)]
        if telling:
            for message in dict.fromkeys(self._sentence(error, key, here.kind, written) for error in telling):
                self._problems.add(here.place, message, also=True, within=here)
        else:
            sorts = list(dict.fromkeys(wanted(error) for error in group if error["type"] != "none_required"))
            self._problems.add(here.place, unexpected(key, sorts, here.kind, written))

    def _sentence(self, error: _Error, key: str, came: str, written: str) -> str:
        *above, last = error["loc"] or ("",)
        fields = model_at(self._model, above).model_fields
        field = fields.get(str(last)) or next((one for one in fields.values() if one.alias == last), None)
        return sentence(error, key, came, written, (field.examples or ()) if field else ())

    def _key(self, error: _Error) -> None:
        """A key that is missing or unknown."""
        *above, key = error["loc"]
        here, gone = self._node.walk(above)
        owner = model_at(self._model, above)
        place = self._place(gone, here)
        if error["type"] == "missing":
            siblings = owner.secret_fields() if issubclass(owner, Settings) else ()
            either = f"{key} or {key}_file" if key in siblings else key
            self._problems.add(here.place, f"{place} needs {either}", also=True)
        else:
            known = [*known_keys(owner), *(self._known if not gone else ())]
            hint = did_you_mean(str(key), known)
            self._problems.add(here.key_place(str(key)), f"{key} is not a setting of {place}{hint}")

    def _place(self, gone: tuple[Key, ...], here: Node) -> str:
        """The part that a key belongs to, in words; what stands at the top of the config needs no `of`."""
        if not gone:
            return self._what
        return _title(gone, here) + ("" if self._what == WHOLE else f" of {self._what}")

    def _named_badly(self, error: _Error) -> None:
        """A key that is a name, a label or a path of its own, and not a good one."""
        *above, key, _ = error["loc"]
        here, gone = self._node.walk(above)
        word = _title(gone, here) or self._what
        self._problems.add(here.key_place(str(key)), sentence(error, word, "text", str(key)))


def _only_follows(error: _Error, node: Node) -> bool:
    """Whether a list counts as too short only because its entries are wrong, which is said of them."""
    written = len(node.items) or len(node.mapping) or (not isinstance(node.value, list | dict) and 1)
    return bool(error["type"] == "too_short" and written >= error["ctx"]["min_length"])


def _way(node: Node, loc: tuple[Key, ...]) -> tuple[Key, ...]:
    """The part of a validator's way that leads along the file; a secret's value may stand under its `_file` key."""
    here, gone = node, []
    for key in loc:
        for name in (key, f"{key}_file"):
            if (there := here.step(name)) is not None:
                here = there
                gone.append(name)
                break
    return tuple(gone)


def _title(way: tuple[Key, ...], here: Node) -> str:
    """What stands at the end of a way, in words: its key, or for an entry of a list the list's key and its name."""
    if not way or isinstance(way[-1], str):
        return str(way[-1]) if way else ""
    word = next((str(key) for key in reversed(way) if isinstance(key, str)), "entries")
    word = _SINGULAR.get(word, word.removesuffix("s"))
    name = here.step("name")
    if name is not None and isinstance(name.value, str):
        return f"{word} {name.value!r}"
    return f"{word} (entry {way[-1] + 1})"


def folder_of(node: Node) -> Path:
    """The folder of the file in which this is written, absolute."""
    return Path(node.place.file).absolute().parent

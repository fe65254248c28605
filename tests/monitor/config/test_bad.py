"""Bad configs are files in `bad/`; beside each lies exactly what is said about it."""

from pathlib import Path

import pytest

from monitor.config import ConfigError, load

BAD = Path(__file__).parent / "bad"
CONFIGS = sorted(path.stem for path in BAD.glob("*.yaml"))
#: What configs in `bad/` may fill in. No message may show it.
CANARY = "c4n4ry-b1rd"


@pytest.mark.parametrize("name", CONFIGS)
def test_says_exactly_what_is_wrong(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    with pytest.raises(ConfigError) as caught:
        load(Path(f"{name}.yaml"), {"CANARY": CANARY})
    said = str(caught.value).replace(str(BAD), "{here}")
    assert said.splitlines() == Path(f"{name}.txt").read_text().splitlines()
    assert CANARY not in said
    assert "a bug in Shopwatch" not in said


def test_every_expectation_has_its_config_and_there_are_plenty() -> None:
    assert sorted(path.stem for path in BAD.glob("*.txt")) == CONFIGS
    assert len(CONFIGS) >= 40


def test_the_place_is_where_the_offending_word_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message that quotes a value points at that very value."""
    monkeypatch.chdir(BAD)
    pointed = 0
    for name in CONFIGS:
        for line in Path(f"{name}.txt").read_text().splitlines():
            file, row, column, message = line.split(":", 3)
            text = Path(file).read_bytes().decode(errors="replace").replace("\r\n", "\n").split("\n")
            rest = text[int(row) - 1][int(column) - 1 :] if int(row) <= len(text) else ""
            for word in message.split("'")[1:2]:
                if rest.startswith((word, f"'{word}", f'"{word}')):
                    pointed += 1
    assert pointed >= 20

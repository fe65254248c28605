"""The command without a word."""

from importlib.metadata import version

import pytest

from monitor.cli import main


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("usage: shopwatch ")
    assert "take an incident" in shown.err


def test_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"shopwatch {version('shopwatch')}\n"


@pytest.mark.parametrize("command", ["oncall", "page"])
def test_a_command_without_its_action_is_a_usage_error(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command])
    assert ended.value.code == 2
    assert "ACTION" in capsys.readouterr().err

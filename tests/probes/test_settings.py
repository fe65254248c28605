"""Settings: unknown keys refused, secrets kept, paths beside the config, variables shown as written."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, ValidationError

from probes.interpolated import Interpolated, as_written, holds_interpolated
from probes.settings import Name, Secret, SecretUnreadable, Settings


class Login(Settings):
    token: Secret
    user: str = ""


class Shop(Settings):
    name: Name = "shop"
    url: str = ""
    login: Login | None = None
    ca: Path | None = None
    folders: tuple[Path, ...] = ()
    from_: Path | None = Field(default=None, alias="from")
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None


def test_a_secret_comes_in_place_or_from_a_file_that_is_read_at_each_use(tmp_path: Path) -> None:
    assert Login.model_validate({"token": "abc"}).token.read() == "abc"
    file = tmp_path / "token"
    file.write_text("one\n")
    secret = Login.model_validate({"token_file": "token"}, context={"folder": tmp_path}).token
    assert secret.file == file
    assert secret.read() == "one"
    file.write_text("two\r\n")
    assert secret.read() == "two"
    file.unlink()
    with pytest.raises(SecretUnreadable, match=f"cannot read the secret file {file}: No such file"):
        secret.read()
    file.write_bytes(b"\xff")
    with pytest.raises(SecretUnreadable, match="it is not UTF-8 text"):
        secret.read()


@pytest.mark.parametrize(
    "data", [{}, {"token": "canary", "token_file": "x"}, {"token": 5}, {"token": ["canary"]}, {"token_file": 5}]
)
def test_bad_secrets_are_refused_without_being_shown(data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Login.model_validate(data)
    assert "canary" not in str(caught.value)


def test_secrets_are_not_shown() -> None:
    shop = Shop(login=Login(token=Secret("canary")))
    for shown in (repr(shop), str(shop.model_dump()), shop.model_dump_json(), str(Shop.model_json_schema())):
        assert "canary" not in shown
    assert pickle.loads(pickle.dumps(shop)) == shop
    assert Login(token=Secret("a")) != Login(token=Secret("b"))
    assert hash(Secret("a")) == hash(Secret("a"))


def test_paths_are_relative_to_the_config() -> None:
    data = {"ca": "ca.pem", "folders": ["a", "/b"], "from": "../c", "login": {"token_file": "/run/token"}}
    shop = Shop.model_validate(data, context={"folder": Path("/etc/shopwatch")})
    assert shop.ca == Path("/etc/shopwatch/ca.pem")
    assert shop.folders == (Path("/etc/shopwatch/a"), Path("/b"))
    assert shop.from_ == Path("/etc/shopwatch/../c")
    assert shop.login is not None
    assert shop.login.token.file == Path("/run/token")
    assert Shop.model_validate({"ca": "ca.pem"}).ca == Path("ca.pem")


def test_what_came_through_a_variable_works_and_is_shown_as_written() -> None:
    def written(value: str) -> Interpolated:
        return Interpolated(value, "${KEY}")

    data = {
        "url": Interpolated("https://canary.example", "https://${KEY}.example"),
        "ca": written("canary.pem"),
        "headers": {"X-Key": written("canary")},
        "body": [{"deep": written("canary")}],
        "login": {"user": written("canary"), "token": written("canary")},
    }
    shop = Shop.model_validate(data, context={"folder": Path("/etc")})
    for one in (shop, pickle.loads(pickle.dumps(shop))):
        assert one == shop
        assert one.url == "https://canary.example"
        assert one.ca == Path("/etc/canary.pem")
        assert one.headers == {"X-Key": "canary"}
        assert one.body == [{"deep": "canary"}]
        assert one.login is not None
        assert one.login.token.read() == "canary"
        for shown in (repr(one), str(one), str(one.model_dump()), one.model_dump_json(), repr(one.body)):
            assert "canary" not in shown
            assert "${KEY}" in shown


def test_an_interpolated_text_is_its_value() -> None:
    text = Interpolated("value", "${KEY}")
    assert text == "value"
    assert f"{text}!" == "value!"
    assert repr(text) == "'${KEY}'"
    assert pickle.loads(pickle.dumps(text)).source == "${KEY}"
    assert holds_interpolated({"a": [text]})
    assert not holds_interpolated({"a": ["value"]})
    assert as_written({"a": [text, 1]}) == {"a": ["${KEY}", 1]}


def test_unknown_keys_and_changes_are_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Shop.model_validate({"nmae": "x"})
    with pytest.raises(ValidationError, match="frozen"):
        Shop().name = "x"  # type: ignore[misc]  # that it is refused is the point


@pytest.mark.parametrize("name", ["home", "add to cart", "a.b-c_d", "9"])
def test_names(name: str) -> None:
    assert Shop(name=name).name == name


@pytest.mark.parametrize("name", ["", " a", "a/b", "a\nb", "é", "a" * 101])
def test_bad_names(name: str) -> None:
    with pytest.raises(ValidationError, match="is not a name"):
        Shop(name=name)


def test_what_alike_settings_share_stays_as_it_is() -> None:
    home, cart = (Shop.model_validate({"name": name, "body": "x"}) for name in ("home", "cart"))
    changed = home.model_copy(update={"url": "https://shop.test"})
    read = Shop.model_validate({"name": "read", "body": Interpolated("x", "${X}")})
    assert home.model_fields_set is cart.model_fields_set
    assert home.model_fields_set == cart.model_fields_set == {"name", "body"}
    assert changed.model_fields_set == {"name", "body", "url"}
    assert (read.model_dump()["body"], cart.model_dump()["body"]) == ("${X}", "x")
    assert pickle.loads(pickle.dumps((home, cart))) == (home, cart)

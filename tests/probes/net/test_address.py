"""URLs and addresses: what is taken, how it is written out, and what is refused."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.net.address import Address, Url, ascii_host


@pytest.mark.parametrize(
    ("text", "wire", "shown"),
    [
        ("http://shop.example", "http://shop.example/", "http://shop.example/"),
        ("https://SHOP.example:443/a?b=c#d", "https://shop.example/a?b=c", "https://shop.example/a"),
        ("http://shop.example:8080/ü/%20x", "http://shop.example:8080/%C3%BC/%20x", "http://shop.example:8080/%C3%BC/%20x"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"),
        ("http://[::1]:80/", "http://[::1]/", "http://[::1]/"),
        ("http://shop.example/a b", "http://shop.example/a%20b", "http://shop.example/a%20b"),
        ("https://shop.example?token=1", "https://shop.example/?token=1", "https://shop.example/"),
    ],
)  # fmt: skip
def test_a_url_as_it_goes_on_the_wire_and_as_it_is_shown(text: str, wire: str, shown: str) -> None:
    url = Url(text)
    assert (str(url), url.shown) == (wire, shown)
    assert Url(str(url)) == url


@pytest.mark.parametrize(
    "text", ["shop.example", "ftp://shop.example/", "http://", "http://a:b@shop.example/", "http://a b/", "http://[::1",
             "http://shop.example:0x50/", "http://" + "a" * 300 + ".example/"],
)  # fmt: skip
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the sentences are tested where a person reads them
        Url(text)


@pytest.mark.parametrize(
    ("location", "there"),
    [
        ("/cart", "http://shop.example/cart"),
        ("cart?x=1", "http://shop.example/a/cart?x=1"),
        ("//cdn.example/x", "http://cdn.example/x"),
        ("https://shop.example/", "https://shop.example/"),
        (" /spaces ", "http://shop.example/spaces"),
        ("?page=2", "http://shop.example/a/b?page=2"),
        ("\\ok", "http://shop.example/ok"),
        ("c\\d?e=\\f#\\g", "http://shop.example/a/c/d?e=%5Cf"),
        ("\\\\cdn.example\\x", "http://cdn.example/x"),
        ("http:\\\\cdn.example/x", "http://cdn.example/x"),
        ("http:///cdn.example/x", "http://cdn.example/x"),
        ("HTTPS:////cdn.example//x", "https://cdn.example//x"),
        ("///cdn.example/x", "http://cdn.example/x"),
        ("/a//b", "http://shop.example/a//b"),
        ("/to?url=http:///x", "http://shop.example/to?url=http:///x"),
    ],
)
def test_where_a_redirect_leads(location: str, there: str) -> None:
    assert str(Url("http://shop.example/a/b").join(location)) == there


@given(st.text(max_size=40))
def test_any_text_is_a_url_or_a_value_error(text: str) -> None:
    for candidate in (text, f"http://{text}", f"http://shop.example/{text}"):
        try:
            url = Url(candidate)
        except ValueError:
            continue
        wire = f"{url.target} {url.authority}"
        assert wire.isascii()
        assert not set(wire) & set("\r\n\0\t")
        assert wire.count(" ") == 1


@given(st.text(alphabet=string.printable, max_size=30))
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    try:
        address = Address.parse(text)
    except ValueError:
        return
    assert Address.parse(str(address)) == address
    assert 0 < address.port < 65536


def test_addresses() -> None:
    assert Address.parse("[::1]:443") == ("::1", 443)
    assert Address.parse("::1", 53) == ("::1", 53)
    assert Address.parse("[::1]", 53) == ("::1", 53)
    assert str(Address.parse("Shop.Example:25")) == "shop.example:25"
    assert ascii_host("straße.example.") == "xn--strae-oqa.example."

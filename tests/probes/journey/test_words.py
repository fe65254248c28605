"""What a page says, for evidence."""

import pytest

from probes.journey.words import LONGEST, excerpt
from probes.page import Page


def _excerpt(body, content_type="text/html"):
    return excerpt(Page(200, [(b"content-type", content_type.encode())], body.encode()))


@pytest.mark.parametrize(
    "markup",
    [
        '<div role="alert">Card declined</div>',
        "<div class='alert alert-danger'>Card declined</div>",
        "<ul class=errorlist><li>Card declined</li></ul>",
        "<p class=error>Card <b>declined</b></p>",
    ],
)
def test_the_complaint_comes_first_then_the_title_then_the_main_part(markup):
    page = f"<title>Payment</title><nav>Home Cart</nav><main>{markup}<h1>Pay\n now</h1></main><footer>Legal</footer>"
    assert _excerpt(page) == "Card declined\nPayment\nCard declined Pay now"


def test_what_nobody_sees_is_left_out():
    unseen = "<script>var error = 1</script><style>.x{}</style><template>later</template>"
    page = f"<body>Hello{unseen}<p hidden>no <b hidden>no</b></p><p hidden>no"
    assert _excerpt(page) == "Hello"


def test_json_is_shown_as_it_is():
    assert _excerpt('{"error":\n "declined"}', "application/json") == '{"error": "declined"}'


def test_a_page_of_nothing_and_a_page_of_too_much():
    assert _excerpt("") == ""
    assert len(_excerpt("<p>" + "x" * 100_000)) == 2 * LONGEST

"""What a shop calls its own metrics: every name that packs expect is documented, and no name is two things."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

from alerts.lint.catalogue import Catalogue
from alerts.lint.conventions import EXPORTERS, SHOP

DOCUMENT = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()


def test_every_name_is_documented_with_its_type():
    rows = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", DOCUMENT, re.MULTILINE))
    assert rows == {metric.name: metric.type for metric in SHOP}
    globs = re.findall(r"(?:pg|mysql)_[\w*]+", DOCUMENT)
    assert [one.name for one in EXPORTERS if not any(fnmatchcase(one.name, glob) for glob in globs)] == []


def test_the_catalogue_knows_them():
    catalogue = Catalogue.built_in()
    assert catalogue.type_of("shop_payments_total") == "counter"
    assert all(catalogue.knows(metric.name) for metric in (*SHOP, *EXPORTERS))
    assert not catalogue.knows("shop_nothing")

"""A demo shop in its own process, as `shopwatch demo` starts it, and its pages in this one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from monitor.demo.run import Places, admin_key, open_demo


@dataclass
class Demo:
    state: Path
    places: Places

    @property
    def key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {admin_key(self.state)}"}

    def browser(self) -> httpx.Client:
        return httpx.Client(base_url=self.places.shop, trust_env=False, timeout=20)

    def turn(self, path: str) -> None:
        assert httpx.post(f"{self.places.shop}/switches/{path}", headers=self.key, trust_env=False).status_code == 303


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    state = tmp_path_factory.mktemp("demo")
    with open_demo(state, shopper_every=0, backup_every=3600) as places:
        yield Demo(state, places)


@pytest.fixture
def demo(running: Demo) -> Iterator[Demo]:
    """The shop of this session, mended again after each test."""
    yield running
    running.turn("mend")

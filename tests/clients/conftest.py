"""A distributor's programs: what they need to call a running application."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.base.settings import ROOT
from pipeline_client import Client, Retries
from tests.support.installation import Installation
from tests.support.selling import make_pipeline, make_reseller

PRICES = (
    {"unit": "input_token", "unit_price": "0.8625", "unit_size": 1_000_000},
    {"unit": "output_token", "unit_price": "4.3125", "unit_size": 1_000_000},
    {"unit": "second", "unit_price": "0.01"},
)


@dataclass(frozen=True)
class Account:
    """A distributor with its key, and the code of a pipeline that it may call."""

    url: str
    key: str
    pipeline: str
    id: str

    @property
    def env(self) -> dict[str, str]:
        """The environment of its programs."""
        return {
            **os.environ,
            "PIPELINE_URL": self.url,
            "PIPELINE_KEY": self.key,
            "LC_ALL": "C.UTF-8",
        }

    def client(self, **options: Any) -> Client:
        """Return a client that loses no time."""
        return Client(self.url, self.key, **{"retries": Retries(first_pause=0.02)} | options)


@pytest.fixture(scope="session")
def js_client() -> Path:
    """The folder of the TypeScript client, compiled; `build.sh --dev` does it beforehand."""
    folder = ROOT / "clients/js"
    entry = folder / "dist/index.js"
    made_at = entry.stat().st_mtime if entry.exists() else 0
    if any(file.stat().st_mtime > made_at for file in (folder / "src").iterdir()):
        subprocess.run(["npm", "run", "--silent", "build"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def seller_pipeline(server: Installation) -> dict[str, Any]:
    """A pipeline with prices for tokens and seconds."""
    return make_pipeline(server.admin, prices=PRICES)


def new_account(server: Installation, pipeline: dict[str, Any], **fields: Any) -> Account:
    """Return a new distributor that may call *pipeline*."""
    reseller = make_reseller(server, pipeline, **fields)
    return Account(server.base_url, reseller.key, pipeline["code"], reseller.distributor["id"])


@pytest.fixture
def account(server: Installation, seller_pipeline: dict[str, Any]) -> Account:
    """A new distributor that may call the pipeline."""
    return new_account(server, seller_pipeline)


@pytest.fixture
def client(account: Account) -> Iterator[Client]:
    """The account's client."""
    with account.client() as one:
        yield one

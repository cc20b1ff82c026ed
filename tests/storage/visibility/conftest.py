from __future__ import annotations

import pytest

from storage.database import Transaction
from tests.storage.friends.people import People


@pytest.fixture
async def people(tx: Transaction) -> People:
    return await People.made(tx)

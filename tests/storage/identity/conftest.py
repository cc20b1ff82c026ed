from __future__ import annotations

import pytest

from storage.domains.identity import hashing


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "cost", hashing.CHEAP)

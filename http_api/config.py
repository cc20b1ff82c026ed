"""What a client must know before it can sign in."""

from __future__ import annotations

from storage.release import version
from storage.settings import Settings
from storage.words import Words

WS_PATH = "/ws"


class Config(Words):
    ws_port: int
    ws_path: str
    ws_url: str | None
    demo: bool
    version: str


def config_of(settings: Settings) -> Config:
    public = settings.public_url
    return Config(
        ws_port=settings.ws_port,
        ws_path=WS_PATH,
        # http://… becomes ws://…, and https://… wss://….
        ws_url=f"ws{public.removeprefix('http')}{WS_PATH}" if public else None,
        demo=settings.demo,
        version=version(),
    )

"""What crosses a door: the base of every command, result and event."""

from typing import Annotated, Any, dataclass_transform

import msgspec


class WordsMeta(msgspec.StructMeta):
    """Every subclass is frozen and keyword-only, for type checkers as well as in fact."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any
    ) -> "WordsMeta":
        config.setdefault("kw_only", True)  # The one setting that msgspec does not inherit.
        return super().__new__(mcs, name, bases, namespace, **config)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Words(
    msgspec.Struct,
    metaclass=WordsMeta,
    frozen=True,
    rename="camel",
    forbid_unknown_fields=True,
):
    """Frozen, camelCase on the wire, and strict: an unknown field is refused, never ignored."""


class Nothing(Words):
    """A command that needs no words, or an answer that has none: `{}`."""


NO_NUL = r"^[^\x00]*\Z"

Limit = Annotated[int, msgspec.Meta(ge=1, le=100, description="How many to answer at most")]
Seq = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Cursor = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]

encode_json = msgspec.json.Encoder(order=None, uuid_format="canonical").encode


def encode_text(words: Any) -> str:
    return encode_json(words).decode()

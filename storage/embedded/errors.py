class EmbeddedError(Exception):
    """The message is a sentence for the person who wanted the server."""


class EmbeddedInUseError(EmbeddedError):
    """Somebody else has a server over this data folder."""

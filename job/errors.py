"""The errors that a person can cause or mend, grouped by what the caller does next."""


class InventoryError(Exception):
    """Something outside this program stopped the run: the message says what, to what, and what to do.

    The command line prints the message alone and exits with 2; nothing has been half written.
    """


class ConfigError(InventoryError):
    """The configuration or a command-line value cannot be used; it names the file, the line and the key."""


class CredentialsError(InventoryError):
    """Application Default Credentials are absent, expired or refused."""

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass
        """Whether trying again later may help: the token endpoint could not be reached, or failed."""


class NotFoundError(InventoryError):
    """A project, cluster or object that was asked for by name is not there."""


class SpoolError(InventoryError):
    """Rows cannot be written to a temporary file."""


class SinkError(InventoryError):
    """The sink cannot be opened, read or written."""


class QueryError(SinkError):
    """The sink refused a query as written."""


class Interrupted(BaseException):
    """SIGTERM arrived; like KeyboardInterrupt, nothing below the command line may swallow it."""

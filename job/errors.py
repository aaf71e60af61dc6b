"""Errors that a person can cause or fix, grouped by what the caller does next."""


class InventoryError(Exception):
    """Something outside this program failed. The message says what was being done, what went wrong and what to do.

    The command line prints only the message, and exits with 2. Nothing partial was written.
    """


class ConfigError(InventoryError):
    """The configuration or a command-line value is invalid; the message names the file, the line and the key."""


class CredentialsError(InventoryError):
    """Application Default Credentials are missing, expired or refused."""

    def __init__(self, message: str, *, may_pass: bool = False, is_refused: bool = True) -> None:
        super().__init__(message)
        self.is_refused = is_refused
        """Google says so; otherwise something else answered in the place of a token endpoint."""
        self.may_pass = may_pass
        """A retry may help: the token endpoint could not be reached, or failed."""

    @property
    def is_of_network(self) -> bool:
        """Whether no login, key or role helps: the endpoint fails, cannot be reached, or is not what answered."""
        return self.may_pass or not self.is_refused


class NotFoundError(InventoryError):
    """A project, cluster or object that was named does not exist."""


class SpoolError(InventoryError):
    """Rows cannot be written to a temporary file."""


class SinkError(InventoryError):
    """The sink cannot be opened, read or written."""


class QueryError(SinkError):
    """The sink refused a query as written."""


class Interrupted(BaseException):
    """A stop was asked for, by SIGTERM for example. Like KeyboardInterrupt, only the command line may catch it."""

"""Why a request of Google's libraries got no response, in words."""

from __future__ import annotations


def why_no_response(error: BaseException) -> str | None:
    """What an error of requests, or of a library that wraps one, says about the network; None for any other error.

    The innermost error has the reason. The outer ones quote whole URLs and the names of classes.
    """
    from requests import exceptions

    if not isinstance(error, exceptions.RequestException):
        return None
    where = _host_of(error)
    if isinstance(error, exceptions.ProxyError):
        return f"the proxy refuses the connection to {where}"
    if isinstance(error, exceptions.SSLError):
        return f"the certificate of {where} is not accepted, or the connection is no TLS: {_innermost(error)}"
    if isinstance(error, exceptions.ConnectTimeout):
        return f"no connection to {where} within the connect timeout"
    if isinstance(error, exceptions.Timeout):
        return f"no response of {where} in time"
    if isinstance(error, exceptions.JSONDecodeError):
        return "the response is not JSON: something else answers, such as a proxy or the login page of a network"
    if isinstance(error, (exceptions.ConnectionError, exceptions.ChunkedEncodingError)):
        return _broken(error, where)
    return f"no response of {where}: {type(error).__name__}"


def _broken(error: BaseException, where: str) -> str:
    from urllib3.exceptions import NameResolutionError, NewConnectionError

    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, NameResolutionError):
        return f"the name of {where} cannot be resolved"
    if isinstance(reason, NewConnectionError):
        return f"no connection to {where}: {_innermost(reason)}"
    return f"the connection to {where} broke: {_innermost(error)}"


def _host_of(error: BaseException) -> str:
    from urllib.parse import urlsplit

    request = getattr(error, "request", None)
    host = urlsplit(str(getattr(request, "url", "") or "")).netloc.rpartition("@")[2]
    return host or "the server"


def _innermost(error: BaseException) -> str:
    """The operating system's words, which name no URL."""
    seen: BaseException | None = error
    words = ""
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            words = seen.strerror
        following = getattr(seen, "reason", None) or seen.__cause__ or seen.__context__
        if not isinstance(following, BaseException):
            following = next((each for each in seen.args if isinstance(each, BaseException)), None)
        seen = following
    return words or type(error).__name__

"""HTTPS connections through a SOCKS proxy. Imported only where there is one."""

from __future__ import annotations

from typing import Any

from urllib3.connection import HTTPSConnection
from urllib3.contrib.socks import SOCKSConnection, SOCKSProxyManager
from urllib3.exceptions import NewConnectionError, ProxyError

from job.connect.proxies import Proxy
from job.connect.transport import DeadlineConnection, DeadlinePool


class DeadlineSocksConnection(DeadlineConnection, SOCKSConnection, HTTPSConnection):
    """A `DeadlineConnection` through a SOCKS proxy."""

    def _new_conn(self) -> Any:
        """As in urllib3, where the proxy's refusal looks like that of the server."""
        try:
            return super()._new_conn()
        except NewConnectionError as error:
            reason = error.__context__ or error
            raise ProxyError("SOCKS", OSError(str(getattr(reason, "msg", reason)))) from error


class DeadlineSocksPool(DeadlinePool):
    """A pool of such connections."""

    ConnectionCls = DeadlineSocksConnection  # type: ignore[assignment] # as in urllib3 itself


def socks_pools(proxy: Proxy, keywords: dict[str, Any]) -> SOCKSProxyManager:
    """Pools whose connections go through the proxy."""
    pools = SOCKSProxyManager(proxy.url, proxy.user, proxy.password, **keywords)
    pools.pool_classes_by_scheme = {**pools.pool_classes_by_scheme, "https": DeadlineSocksPool}
    return pools

"""The Cluster client under what redis-py does to itself when a command fails."""

import asyncio

import pytest
from redis.asyncio.cluster import RedisCluster

from app.errors import StorageUnavailable
from app.stores.redis import ClusterTransport, connect
from tests.servers import free_ports


async def test_connections_may_be_closed_under_a_command(cluster_url: str) -> None:
    transport = ClusterTransport(cluster_url, 5.0)
    closing = asyncio.create_task(keep_closing_free_connections(transport.client))
    replies = await transport.send([("SET", f"key-{n}", n) for n in range(2_000)])
    closing.cancel()
    await transport.close()
    assert len(replies) == 2_000
    assert not [reply for reply in replies if isinstance(reply, AttributeError)]


async def keep_closing_free_connections(client: RedisCluster) -> None:
    """What redis-py does when any command fails on a node."""
    while True:
        for node in client.get_nodes():
            await node.disconnect_free_connections()
        await asyncio.sleep(0.1)


async def test_memory_is_that_of_all_servers(redis_url: str) -> None:
    redis = connect(redis_url, 5_000)
    before = await redis.used_bytes()
    await redis.run([("SET", f"key-{n}", "x" * 100_000) for n in range(30)])
    assert await redis.used_bytes() - before > 3_000_000
    await redis.close()


async def test_memory_of_a_server_that_is_down_is_not_known() -> None:
    [port] = free_ports(1)
    redis = connect(f"redis://127.0.0.1:{port}", 200)
    with pytest.raises(StorageUnavailable):
        await redis.used_bytes()
    await redis.close()

"""The Cluster client under what redis-py does to itself when a command fails."""

import asyncio

from redis.asyncio.cluster import RedisCluster

from app.stores.redis import ClusterTransport


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

"""Lists that wait to be turned over."""

from pydantic_core import to_json

from app.stores import keys
from app.stores.cursors import Cursors, Frozen, Listed
from app.stores.redis import Redis

LIST = Frozen(
    "user:ann", [Listed("i1", 0.5, "explored", 0.25), Listed("i2", 0.1, "prior", None)], 7
)


async def test_a_list_comes_back_as_it_was(redis: Redis) -> None:
    cursors = Cursors(redis, "cursors")
    assert await cursors.find(await cursors.keep(LIST)) == LIST
    assert await cursors.find("0" * 24) is None


async def test_what_another_version_froze_is_not_found(redis: Redis) -> None:
    old = to_json(["user:ann", [["i1", 0.5], ["i2", 0.1]]])
    await redis.run([("SET", keys.cursor("cursors", "a" * 24), old)])
    assert await Cursors(redis, "cursors").find("a" * 24) is None

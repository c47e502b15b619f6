"""The load generator: what it sends, what it counts. How fast is nobody's business here."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from benchmarks.load import Load, offer, request
from benchmarks.service_page import Row, table_of, write_section
from benchmarks.serving import Point, latencies

ANSWER = b"HTTP/1.1 %s\r\nContent-Length: 4\r\n\r\n%s"


class Server:
    """Answers everything, some of it badly, and in two pieces."""

    def __init__(self) -> None:
        self.got: Counter[str] = Counter()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            length = 0
            while (line := await reader.readline()) != b"\r\n":
                name, _, value = line.partition(b":")
                length = int(value) if name == b"Content-Length" else length
            path = head.split()[1].decode()
            self.got[path + (await reader.readexactly(length)).decode()] += 1
            status = b"503 no" if path == "/bad" else b"200 OK"
            answer = ANSWER % (status, b"else" if path == "/else" else b"good")
            writer.write(answer[:20])
            await writer.drain()
            writer.write(answer[20:])
        writer.close()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


def test_a_request_says_what_it_must() -> None:
    sent = request("POST", "/path", b"{}", "key").decode()
    assert sent.startswith("POST /path HTTP/1.1\r\n")
    assert "\r\nAuthorization: Bearer key\r\n" in sent
    assert sent.endswith("\r\nContent-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize("rate", [200.0, float("inf")])
async def test_all_is_sent_in_turn_and_bad_answers_are_failures(
    server: Server, rate: float
) -> None:
    paths = ("/good", "/bad", "/else", "/good")
    sent = [request("POST", path, b"\xc3\xa9") for path in paths]
    load = Load(server.port, sent, rate, connections=3, seconds=0.5, warm_up=0.0, told="good")
    measured = await asyncio.to_thread(offer, load)
    assert set(server.got) == {f"{path}\xe9" for path in paths}
    assert max(server.got.values()) - 2 * min(server.got.values()) <= 3
    assert 0 < measured.p50 <= measured.p90 <= measured.p99
    assert abs(2 * measured.failures - measured.answers) <= 4


async def test_a_server_that_hangs_up_ends_the_load() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(RuntimeError, match="connection"):
            await asyncio.to_thread(offer, Load(port, [request("GET", "/")], 10.0, 1, 0.1, 0.0))


async def test_tables_tell_what_was_missed_and_every_load(server: Server, tmp_path: Path) -> None:
    rows = [
        Row.of("fast", 2.0, 1.0, 1.5, "higher", "1/s"),
        Row.of("slow", 9.0, 1.0, 4, "lower", "ms"),
    ]
    assert [row.holds for row in rows] == [True, False]
    assert list(table_of(rows, "both").columns[3].cells) == ["2.00", "9.00 missed"]
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- it -->\nold\n<!-- /it -->\nafter\n")
    write_section(page, "it", rows)
    write_section(page, "other", [])
    told = page.read_text()
    assert told.startswith("before\n<!-- it -->\n\n| what |")
    assert "| slow | 9.0 | 1.0 | 9.00 missed | ≤ 4 | ms |\n\n<!-- /it -->\nafter\n" in told
    assert "old" not in told
    load = Load(server.port, [request("GET", "/")], 50.0, 1, 0.2, 0.0)
    point = Point("bare", await asyncio.to_thread(offer, load))
    assert list(latencies([point, point]).columns[0].cells) == ["bare", "bare"]

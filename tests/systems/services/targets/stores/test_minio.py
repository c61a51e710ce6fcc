"""Tests of the target `minio`, with its real client against a small stand-in for S3 (untested on a real MinIO)."""

from __future__ import annotations

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from pydantic import ValidationError

from fairtrial.errors import MissingPart, ServiceFailed, UserError
from fairtrial.resources import process
from fairtrial.systems.services.target import Reply, RequestFailed, Target, Tidies
from fairtrial.systems.services.targets import parts
from fairtrial.systems.services.targets.stores.minio import Minio, MinioTarget
from fairtrial.systems.services.targets.stores.objects import Wanted

pytest.importorskip("minio", reason="the minio client is not installed")

XML = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


class Stub(BaseHTTPRequestHandler):
    """As much of S3 as put, get, list and delete need; it keeps objects and what was asked in its server."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status: int, code: str) -> None:
        self.answer(
            status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode(), Content_Type="application/xml"
        )

    def route(self) -> None:
        place = urlsplit(self.path)
        bucket, _, name = place.path.lstrip("/").partition("/")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        store = self.server.store
        self.server.asked.append((self.command, place.path, self.headers.get("Authorization", "")))
        if self.server.broken:
            self.error(self.server.broken, "SlowDown")
        elif name:
            self.one(store, bucket, name, body)
        elif "delete" in parse_qs(place.query, keep_blank_values=True):
            for key in ElementTree.fromstring(body).iter():
                if key.tag.endswith("Key"):
                    store[bucket].pop(key.text, None)
            self.answer(200, f"<DeleteResult {XML}/>".encode(), Content_Type="application/xml")
        else:
            self.whole(store, bucket, parse_qs(place.query))

    def one(self, store: dict, bucket: str, name: str, body: bytes) -> None:
        if bucket not in store:
            self.error(404, "NoSuchBucket")
        elif self.command == "PUT":
            store[bucket][name] = body
            self.answer(200, ETag='"0"')
        elif name not in store[bucket]:
            self.error(404, "NoSuchKey")
        else:
            self.answer(200, store[bucket][name], ETag='"0"')

    def whole(self, store: dict, bucket: str, query: dict) -> None:
        if self.command == "PUT":
            store[bucket] = {}
            self.answer(200)
        elif bucket not in store:
            self.error(404, "NoSuchBucket")
        elif self.command == "DELETE":
            del store[bucket]
            self.answer(204)
        elif self.command == "HEAD":
            self.answer(200)
        else:
            prefix = query.get("prefix", [""])[0]
            keys = "".join(
                f"<Contents><Key>{key}</Key><Size>1</Size></Contents>"
                for key in store[bucket]
                if key.startswith(prefix)
            )
            said = f"<ListBucketResult {XML}><Name>{bucket}</Name>{keys}</ListBucketResult>"
            self.answer(200, said.encode(), Content_Type="application/xml")

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = route


@pytest.fixture
def s3():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    server.daemon_threads = True
    server.store, server.asked, server.broken = {}, [], 0
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def target(s3, monkeypatch=None, **given) -> MinioTarget:
    small = {"object_bytes": 1000, "objects": 7}
    return MinioTarget(Minio(url=f"http://127.0.0.1:{s3.server_address[1]}", **{**small, **given}))


def drive(found: MinioTarget, count: int, *, client: int = 0) -> list[Reply]:
    async def go() -> list[Reply]:
        session = found.session({}, client)
        await session.connect()
        try:
            return [await session.call(wanted) for _, wanted in islice(found.requests(client, 1), count)]
        finally:
            await session.close()

    return asyncio.run(go())


def test_it_is_a_target_that_tidies(s3):
    """It has all that the trial asks for, and starts no server."""
    found = target(s3)
    assert isinstance(found, Target)
    assert isinstance(found, Tidies)
    assert found.server() is None
    found.require()


def test_objects_are_put_before_and_got_whole(s3):
    """Seven objects of 1,000 bytes; every get brings all of one, and when its first byte came."""
    found = target(s3)
    facts = asyncio.run(found.prepare({}, 1))
    assert facts["bucket_made"] is True
    assert sorted(s3.store["fairtrial"]) == [f"fairtrial/{number}" for number in range(7)]
    assert {len(body) for body in s3.store["fairtrial"].values()} == {1000}
    replies = drive(found, 20)
    assert [reply.bytes_in for reply in replies] == [1000] * 20
    assert all(reply.first_ns > 0 for reply in replies)


def test_puts_have_names_of_their_client_and_whole_bodies(s3):
    """Two clients never write the same object."""
    found = target(s3, operation="put")
    asyncio.run(found.prepare({}, 1))
    assert s3.store["fairtrial"] == {}
    drive(found, 3, client=0)
    drive(found, 3, client=1)
    assert sorted(s3.store["fairtrial"]) == [f"fairtrial/{client}-{number}" for client in (0, 1) for number in range(3)]
    assert {len(body) for body in s3.store["fairtrial"].values()} == {1000}


def test_a_mix_has_its_share_of_puts(s3):
    """Index 0 gets, index 1 puts."""
    found = target(s3, operation="mix", put_share=0.3)
    drawn = [op for op, _ in islice(found.requests(0, 1), 3000)]
    assert 0.26 < sum(drawn) / 3000 < 0.34


def test_what_prepare_and_the_load_put_is_removed_and_nothing_else(s3):
    """Other objects stay, and so does the bucket that was there before or still holds some."""
    s3.store["mine"] = {"other/1": b"x"}
    found = target(s3, bucket="mine", operation="mix", put_share=0.5)
    facts = asyncio.run(found.prepare({}, 1))
    assert facts["bucket_made"] is False
    drive(found, 10)
    asyncio.run(found.tidy({"prepared": facts}))
    assert s3.store["mine"] == {"other/1": b"x"}
    made = target(s3, bucket="made")
    facts = asyncio.run(made.prepare({}, 1))
    asyncio.run(made.tidy({"prepared": facts}))
    assert "made" not in s3.store


def test_requests_are_signed_with_the_keys_that_come_from_secrets(s3, monkeypatch):
    """The access key is on the wire, the secret key nowhere."""
    monkeypatch.setenv("S3_ACCESS", "alice")
    monkeypatch.setenv("S3_SECRET", "hunter2hunter2")
    found = target(s3, access_key={"secret": "S3_ACCESS"}, secret_key={"secret": "S3_SECRET"})
    found.require()
    asyncio.run(found.prepare({}, 1))
    assert all("Credential=alice/" in signed for _, _, signed in s3.asked)
    assert "hunter2" not in str(s3.asked) + str(found._words.model_dump(mode="json")) + str(found.endpoint(None))


def test_failures_have_classes_and_nothing_is_retried(s3):
    """A missing object, a size that is not right, a busy and a dead server; one request each."""
    found = target(s3)
    asyncio.run(found.prepare({}, 1))

    async def go() -> None:
        session = found.session({}, 0)
        await session.connect()
        for wanted, kind in (
            (Wanted("get", "fairtrial/none", None, 1000), "s3_nosuchkey"),
            (Wanted("get", "fairtrial/1", None, 999), "s3_size"),
        ):
            with pytest.raises(RequestFailed) as problem:
                await session.call(wanted)
            assert (problem.value.kind, problem.value.lost) == (kind, False)
        s3.broken = 503
        asked = len(s3.asked)
        with pytest.raises(RequestFailed) as problem:
            await session.call(Wanted("get", "fairtrial/1", None, 1000))
        assert problem.value.kind == "s3_slowdown"
        assert len(s3.asked) == asked + 1
        s3.broken = 0
        await session.close()
        with pytest.raises(RequestFailed, match="not connected"):
            await session.call(Wanted("get", "fairtrial/1", None, 1000))

    asyncio.run(go())


def test_a_dead_server_is_refused_and_a_cut_answer_reset():
    """The classes of lost connections, and ServiceFailed where nothing is timed."""
    port = process.free_port()
    found = MinioTarget(Minio(url=f"http://127.0.0.1:{port}"))

    async def refused() -> None:
        session = found.session({}, 0)
        with pytest.raises(RequestFailed) as problem:
            await session.connect()
        assert (problem.value.kind, problem.value.lost) == ("refused", True)
        await session.close()

    asyncio.run(refused())
    with pytest.raises(ServiceFailed, match="minio failed: refused"):
        asyncio.run(found.prepare({}, 1))
    asyncio.run(found.tidy({}))
    with pytest.raises(ServiceFailed, match=f"minio at 127.0.0.1:{port} does not answer"):
        found.require()

    async def cut() -> None:
        async def serve(reader, writer) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            session = MinioTarget(Minio(url=url)).session({}, 0)
            with pytest.raises(RequestFailed) as problem:
                await session.connect()
            assert problem.value.kind == "reset"
            await session.close()

    asyncio.run(cut())


def test_malformed_parameters_and_missing_parts_are_said(s3, monkeypatch):
    """Exit 2 for the user's mistakes, exit 8 with the command for a missing library."""
    with pytest.raises(ValidationError, match="malformed"):
        Minio(url="127.0.0.1:9000")
    monkeypatch.setenv("S3_ACCESS", "alice")
    with pytest.raises(UserError, match="one key of two"):
        target(s3, access_key={"secret": "S3_ACCESS"}).require()
    monkeypatch.setattr(parts, "find_spec", lambda name: None)
    with pytest.raises(MissingPart, match=r"needs minio .*pip install 'fairtrial\[minio\]'"):
        target(s3).require()

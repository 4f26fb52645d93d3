"""A Redis that is away, hangs, refuses, or must not know who asks: the model answers, the journal says so, once."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme
from flowkit import COUNT, Flow, story, write_pipeline
from rediskit import KINDS, Server, free_port, serve_tls

from stepflow.adapters.stores import redis_server
from stepflow.adapters.stores.redis import RedisStore
from stepflow.cli.main import run
from stepflow.errors import StoreError
from stepflow.model import Outcome
from stepflow.protocols import LogEntry

RIGHT = "1\n2\n3"
SECRET = "hunter2/ä@"
QUOTED = "hunter2%2F%C3%A4%40"


def plus(key: str) -> LogEntry:
    return LogEntry("+", key, "n", "s", "g", b"\x01" * 8)


@pytest.fixture(params=KINDS)
def start(request: pytest.FixtureRequest) -> Iterator[Callable[..., Server]]:
    """Starts servers of their own for a test that kills them or sets them up: of each kind that there is."""
    started: list[Server] = []

    def start(folder: Path | None = None, *options: str) -> Server:
        started.append(Server(folder, *options, kind=request.param))
        return started[-1].start()

    yield start
    for each in started:
        each.close()


@pytest.fixture
def own_server(start: Callable[..., Server], tmp_path: Path) -> Server:
    """A server that keeps its data."""
    folder = tmp_path / "server"
    folder.mkdir()
    return start(folder)


@pytest.fixture
def open_flow(tmp_path: Path) -> Iterator[Callable[[str], Flow]]:
    """A pipeline on the store at a URL."""
    opened: list[Flow] = []

    def open_flow(url: str) -> Flow:
        opened.append(Flow(tmp_path, COUNT, store={"type": "redis", "url": url}))
        return opened[-1]

    yield open_flow
    for each in opened:
        each.pipeline.close()


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "PAUSE_S", (0.05, 0.2))


def about_the_store(outcome: Outcome) -> list[str]:
    """What the journal says of it, and not of single records."""
    return [line for line in story(outcome).splitlines() if "the store" in line]


# --- away -------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("short_pauses")
def test_an_outage_is_told_once_and_its_end_too(own_server: Server, open_flow: Callable[[str], Flow]) -> None:
    flow = open_flow(own_server.url)
    assert flow.ask("count to 3", RIGHT).outcome == "miss"
    own_server.kill()
    first, second = (flow.ask("count to 3", RIGHT) for _ in range(2))
    for away in (first, second):
        assert (away.outcome, away.final, away.record, away.calls) == ("miss", "verified", None, 1)
    noticed, not_stored = about_the_store(first)
    assert noticed.startswith(f"exact: the store cannot be used: the store {own_server.url} cannot be reached: ")
    assert not_stored.startswith(f"record: not stored: the store {own_server.url} is away (")
    assert [line[:20] for line in about_the_store(second)] == ["record: not stored: "]
    own_server.start()
    time.sleep(0.3)
    back = flow.ask("count to 3")
    assert back.outcome == "exact"
    (mended,) = about_the_store(back)
    assert mended.startswith(f"exact: the store {own_server.url} is back, after ")
    assert about_the_store(flow.ask("please count to 3")) == []


@pytest.mark.usefixtures("short_pauses")
def test_a_pipeline_starts_while_the_server_is_away(open_flow: Callable[[str], Flow]) -> None:
    server = Server()
    flow = open_flow(server.url)
    assert flow.ask("count to 3", RIGHT).final == "verified"
    server.start()
    time.sleep(0.3)
    assert flow.ask("count to 3", RIGHT).outcome == "miss"
    assert flow.ask("count to 3").outcome == "exact"
    server.close()


@pytest.mark.usefixtures("short_pauses")
def test_a_server_that_hangs_costs_one_wait_and_is_used_again_when_it_goes_on(
    start: Callable[..., Server], open_flow: Callable[[str], Flow]
) -> None:
    server = start()
    flow = open_flow(f"{server.url}?socket_timeout=0.5")
    assert flow.ask("count to 3", RIGHT).outcome == "miss"
    server.pause()
    began = time.monotonic()
    hung = flow.ask("count to 3", RIGHT)
    assert (hung.final, hung.record) == ("verified", None)
    assert "Timeout reading" in about_the_store(hung)[0]
    assert time.monotonic() - began < 1.9, "not once for each question"
    server.resume()
    time.sleep(0.3)
    assert flow.ask("count to 3").outcome == "exact"


def test_one_alone_tries_a_server_that_hangs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "PAUSE_S", (0.01, 0.01))
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        store = RedisStore(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0?socket_timeout=0.6")
        with pytest.raises(StoreError, match="cannot be reached"):
            store.get("a")
        time.sleep(0.05)
        with ThreadPoolExecutor(8) as pool:
            said = [str(error.exception()) for error in [pool.submit(store.get, "a") for _ in range(8)]]
        assert sum("cannot be reached" in each for each in said) == 1
        assert sum("it is being tried again" in each for each in said) == 7
        store.close()


def test_a_connection_that_was_cut_is_made_anew_unnoticed(redis_server: Server) -> None:
    store = RedisStore(redis_server.url)
    store.put("a", "1")
    redis_server.client.client_kill_filter(_type="normal", skipme=True)
    assert store.get("a") == "1"
    store.close()


def test_a_server_that_was_restarted_is_used_again_and_knows_no_script(own_server: Server) -> None:
    store = RedisStore(own_server.url)
    store.put("a", "1")
    own_server.kill()
    own_server.start()
    store.put("b", "2")
    assert list(store.keys()) == ["a", "b"]
    store.close()


def test_nobody_waits_twice_for_the_same_outage() -> None:
    """A listener that takes connections and never answers: the first question times out, the next fail at once."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        store = RedisStore(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0?socket_timeout=0.5")
        began = time.monotonic()
        with pytest.raises(StoreError, match="cannot be reached: Timeout"):
            store.get("a")
        assert time.monotonic() - began < 3
        began = time.monotonic()
        for ask in (lambda: store.get("a"), lambda: store.put("a", "1"), lambda: store.acquire("k", "me", 1)):
            with pytest.raises(StoreError, match=r"is away \(Timeout.*; it is tried again in 0\.\d s"):
                ask()
        assert time.monotonic() - began < 0.1
        store.close()


def test_the_pause_grows_and_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    store = RedisStore(f"redis://127.0.0.1:{free_port()}/0")
    pauses = []
    for _ in range(8):
        with pytest.raises(StoreError, match="cannot be reached"):
            store.get("a")
        pauses.append(store._server._away_until - now)
        now = store._server._away_until
    assert pauses == pytest.approx([0.25, 0.5, 1, 2, 4, 5, 5, 5])


# --- refusals ---------------------------------------------------------------------------------------------------------


def refused(flow: Flow, words: str) -> None:
    """Two requests are answered all the same, and the first alone tells why the store is not written."""
    first, second = (flow.ask("count to 3", RIGHT, tenant="north") for _ in range(2))
    for outcome in (first, second):
        assert (outcome.outcome, outcome.final, outcome.record) == ("miss", "verified", None)
        assert about_the_store(outcome)[-1].startswith("record: not stored: the store redis://127.0.0.1:")
        assert about_the_store(outcome)[-1].endswith(words)
    assert len(about_the_store(first)) == 2
    assert len(about_the_store(second)) == 1


def test_a_full_server_is_read_and_written_again_when_it_has_room(
    start: Callable[..., Server], open_flow: Callable[[str], Flow]
) -> None:
    server = start(None, "--maxmemory-policy", "noeviction")
    flow = open_flow(server.url)
    assert flow.ask("count to 4", "1\n2\n3\n4").record is not None
    server.client.config_set("maxmemory", 1)
    assert flow.ask("count to 4").outcome == "exact"
    refused(
        flow,
        "refuses: command not allowed when used memory > 'maxmemory'; "
        "give it more, or the `maxmemory-policy` volatile-ttl",
    )
    server.client.config_set("maxmemory", 0)
    room = flow.ask("count to 3", RIGHT, tenant="north")
    assert room.record is not None
    assert about_the_store(room) == [f"flight: the store {server.url} can be written again"]


def test_a_replica_serves_what_it_has_and_takes_nothing(
    start: Callable[..., Server], open_flow: Callable[[str], Flow]
) -> None:
    primary = start(None, "--repl-diskless-sync-delay", "0")
    replica = start(None, "--replicaof", f"127.0.0.1 {primary.port}")
    assert open_flow(primary.url).ask("count to 4", "1\n2\n3\n4").record is not None
    deadline = time.monotonic() + 20
    while not replica.client.dbsize() and time.monotonic() < deadline:
        time.sleep(0.05)
    flow = open_flow(replica.url)
    assert flow.ask("count to 4").outcome == "exact"
    with pytest.raises(StoreError, match="refuses: You can't write against a read only replica; name its primary"):
        flow.pipeline.archive._store.put("a", "1")


# --- secrets, rights, TLS ---------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(start: Callable[..., Server]) -> Server:
    """A server with a user who may touch this store's keys only."""
    server = start()
    server.client.execute_command("ACL", "SETUSER", "cacher", "on", f">{SECRET}", "~stepflow:*", "+@all", "-@dangerous")
    server.client.execute_command("ACL", "SETUSER", "default", "resetpass", ">only-for-the-tests")
    server.client.execute_command("ACL", "SETUSER", "reader", "on", f">{SECRET}", "~stepflow:*", "+@read")
    server.client.connection_pool.disconnect()
    return server


def with_user(server: Server, user: str, password: str = QUOTED) -> str:
    return server.url.replace("://", f"://{user}:{password}@")


def test_a_user_with_rights_on_the_prefix_alone_is_enough(guarded: Server) -> None:
    store = RedisStore(with_user(guarded, "cacher"), expire=60)
    store.write({"a": "1"}, plus("a"))
    assert store.acquire("k", "me", 5) == "me"
    store.release("k", "me")
    assert (store.get("a"), list(store.keys()), store.with_skeleton("n", "s", 1)) == ("1", ["a"], ("a",))
    assert [entry.key for entry in store.tail(0, "n")] == ["a"]
    assert store.prune() == 0
    assert store.stats()["values"] == 1
    assert list(store.check()) == []
    assert store.delete("a") is True
    store.close()
    other = RedisStore(with_user(guarded, "cacher"), prefix="other")
    with pytest.raises(StoreError, match="refuses"):
        other.put("a", "1")
    other.close()


@pytest.mark.parametrize("user", ["cacher", "stranger"])
def test_no_password_is_ever_shown(
    guarded: Server, tmp_path: Path, user: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = with_user(guarded, user)
    path = write_pipeline(
        tmp_path,
        store={"type": "redis", "url": url, "single_flight": 3 if user == "stranger" else True},
        backend={"type": "scripted", "replies": [RIGHT], "cycle": True},
        trace={"dir": str(tmp_path / "traces")},
    )
    (tmp_path / "sound.yaml").write_text(Path(path).read_text().replace(': 3}, "trace"', ': true}, "trace"'))
    for arguments in (
        ["lint", path],
        *(["run", "-p", name, "count to 3"] for name in (path, str(tmp_path / "sound.yaml"))),
        *(["cache", "-p", str(tmp_path / "sound.yaml"), *words] for words in (["stats"], ["show"], ["check"])),
    ):
        run(arguments)
    shown = "".join(capfd.readouterr()) + caplog.text
    shown += "".join(file.read_text() for file in tmp_path.rglob("traces/*"))
    assert f"127.0.0.1:{guarded.port}" in shown
    for secret in (SECRET, QUOTED, "hunter2"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("user", "password", "path", "said"),
    [
        ("cacher", "wrong-password", "0", "cannot be reached: .*; check the user and the password in `url`"),
        ("stranger", QUOTED, "0", "cannot be reached: .*; check the user and the password in `url`"),
        ("cacher", QUOTED, "99", "refuses: DB index is out of range; name another database at the end of `url`"),
        ("reader", QUOTED, "0", "refuses: .* no permissions to run the 'evalsha' command; grant the rights that"),
    ],
)
def test_what_is_wrong_with_a_url_is_said_with_how_to_mend_it(
    guarded: Server, user: str, password: str, path: str, said: str
) -> None:
    store = RedisStore(with_user(guarded, user, password).removesuffix("0") + path)
    with pytest.raises(StoreError, match=said) as caught:
        store.put("a", "1")
    assert "wrong-password" not in str(caught.value)
    assert SECRET not in str(caught.value)
    store.close()


def test_without_a_user_it_says_what_is_missing(guarded: Server) -> None:
    store = RedisStore(guarded.url)
    with pytest.raises(StoreError, match="Authentication required; name a user and a password in `url`"):
        store.get("a")
    store.close()


def test_a_user_and_a_database_of_the_url_are_used(guarded: Server) -> None:
    store = RedisStore(with_user(guarded, "cacher").removesuffix("0") + "3")
    other = RedisStore(with_user(guarded, "cacher"))
    store.put("a", "1")
    assert (store.get("a"), other.get("a")) == ("1", None)
    store.close()
    other.close()


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["right", "unknown authority", "another host's certificate"])
def certified(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, trustme.LeafCert]:
    """What is tried, the file of the authority that is trusted, and the certificate."""
    authority, stranger = trustme.CA(), trustme.CA()
    trusted = stranger if request.param == "unknown authority" else authority
    trusted.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    name = "elsewhere.example" if "another" in request.param else "127.0.0.1"
    return request.param, tmp_path / "ca.pem", authority.issue_cert(name)


SAID = {
    "unknown authority": r"certificate verify failed.*; name the authority: `\?ssl_ca_certs=FILE`",
    "another host's certificate": r"certificate verify failed.*; name the host in `url` as its certificate does",
}


def tell(url: str, tried: str) -> None:
    """Reading and writing at this address works, or says why not."""
    store = RedisStore(url)
    if tried == "right":
        store.put("a", "1")
        assert store.get("a") == "1"
    else:
        with pytest.raises(StoreError, match=SAID[tried]):
            store.get("a")
    store.close()


@pytest.mark.skipif("redis" not in KINDS, reason="only Debian's redis-server speaks TLS")
def test_a_server_that_speaks_tls_is_believed_by_its_certificate(
    tmp_path: Path, certified: tuple[str, Path, trustme.LeafCert]
) -> None:
    tried, authority, certificate = certified
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    port = free_port()
    files = {"cert-file": tmp_path / "cert.pem", "key-file": tmp_path / "key.pem", "ca-cert-file": authority}
    options = [word for name, path in files.items() for word in (f"--tls-{name}", str(path))]
    server = Server(None, "--tls-port", str(port), "--tls-auth-clients", "no", *options, kind="redis").start()
    tell(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={authority}", tried)
    plain = RedisStore(f"redis://127.0.0.1:{port}/0")
    with pytest.raises(StoreError, match=r"reset by peer.*; if this port speaks TLS, `url` begins with rediss://"):
        plain.get("a")
    plain.close()
    server.close()


def test_tls_is_a_matter_of_the_url_and_checks_the_certificate(
    redis_server: Server, certified: tuple[str, Path, trustme.LeafCert]
) -> None:
    tried, authority, certificate = certified
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with serve_tls(context, redis_server.port) as listener:
        tell(f"rediss://127.0.0.1:{listener.getsockname()[1]}/0?ssl_ca_certs={authority}", tried)


def test_a_port_without_tls_and_an_authority_that_is_not_there_are_named(redis_server: Server) -> None:
    url = redis_server.url.replace("redis:", "rediss:")
    store = RedisStore(f"{url}?socket_connect_timeout=0.5")
    with pytest.raises(StoreError, match=r"Timeout connecting.*; if this port does not speak TLS, `url` begins with"):
        store.get("a")
    store.close()
    with pytest.raises(StoreError, match="names a file that is not there: ssl_ca_certs=/nowhere"):
        RedisStore(f"{url}?ssl_ca_certs=/nowhere")

"""Who may use the embedded server, and what a body may be, over real loopback HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import ollama
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lc_asym_router.embedded import EmbeddedServer, Limits, embedded_frontier, embedded_small
from lc_asym_router.embedded.api_errors import BadRequest
from lc_asym_router.embedded.request_limits import deeper_than, read_object

from .raw import answer, connect, head, receive, words

LIGHT = "smollm2:135m"
CHATS = ["/api/chat", "/v1/chat/completions"]
ROUTES = [
    ("GET", "/"),
    ("GET", "/api/version"),
    ("GET", "/api/tags"),
    ("POST", "/api/show"),
    ("POST", "/api/chat"),
    ("GET", "/v1/models"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/nothing"),
    ("OPTIONS", "/v1/models"),
]
DEPTH = 20


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    """A server that loads no model, with small limits."""
    limits = Limits(body_bytes=5000, json_depth=DEPTH)
    with EmbeddedServer([LIGHT], limits=limits) as running:
        yield running


def get(server: EmbeddedServer, path: str = "/v1/models", **headers: str) -> httpx.Response:
    return httpx.get(server.url + path, headers={**server.headers, **headers})


def post(server: EmbeddedServer, path: str, content: Any) -> httpx.Response:
    return httpx.post(server.url + path, content=content, headers=server.headers)


class TestToken:
    @pytest.mark.parametrize(("method", "path"), ROUTES)
    def test_nothing_answers_without_it(
        self, server: EmbeddedServer, method: str, path: str
    ) -> None:
        refused = httpx.request(method, server.url + path)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert "embedded_small()" in words(path, refused.json())
        allowed = httpx.request(method, server.url + path, headers=server.headers)
        assert allowed.status_code != 401

    def test_wrong_ones(self, server: EmbeddedServer) -> None:
        token = server.token
        for given_ in ("", "Bearer", f"Basic {token}", token, "Bearer embedded"):
            assert get(server, Authorization=given_).status_code == 401
        for wrong in (token[:-1], token + "x", token.swapcase(), f"x {token}"):
            assert get(server, Authorization=f"Bearer {wrong}").status_code == 401
        with connect(server) as peer:
            bytes_of_no_text = (
                b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\r\n"
            )
            peer.sendall(bytes_of_no_text + b"\r\n")
            assert answer(peer)[0] == 401

    def test_right_one(self, server: EmbeddedServer) -> None:
        for scheme in ("Bearer", "bearer", "BEARER"):
            assert get(server, Authorization=f"{scheme} {server.token}").status_code == 200

    def test_each_server_has_its_own(self, server: EmbeddedServer) -> None:
        assert EmbeddedServer([LIGHT]).token != server.token
        assert len(server.token) >= 40

    def test_it_outlives_a_restart(self) -> None:
        with EmbeddedServer([LIGHT]) as own:
            token = own.token
        assert own.start().token == token
        own.stop()

    def test_the_usual_clients_can_send_it(
        self, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ollama.ResponseError, match="embedded_small") as refused:
            ollama.Client(host=server.url).list()
        assert refused.value.status_code == 401
        with pytest.raises(openai.AuthenticationError, match="embedded_small"):
            openai.OpenAI(base_url=f"{server.url}/v1", api_key="x", max_retries=0).models.list()
        monkeypatch.setenv("OLLAMA_API_KEY", server.token)
        assert ollama.Client(host=server.url).list().models

    def test_it_is_in_no_repr(self, server: EmbeddedServer) -> None:
        shown = [server, embedded_small(server), embedded_frontier(server)]
        assert not any(server.token in repr(each) or server.token in str(each) for each in shown)

    def test_own_client_settings_are_added(self, server: EmbeddedServer) -> None:
        given_ = {"timeout": 3.0, "headers": {"X-Mine": "1"}}
        model = embedded_small(server, client_kwargs=given_)
        assert model._client._client.timeout.read == 3.0
        assert model._client._client.headers["x-mine"] == "1"
        assert model._client._client.headers["authorization"] == f"Bearer {server.token}"
        assert given_ == {"timeout": 3.0, "headers": {"X-Mine": "1"}}


class TestHostAndOrigin:
    @pytest.mark.parametrize(
        "host",
        ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.9.9.9", "[::1]", "[::1]:9",
         "localhost:9", "127.0.0.1:65535", "[::ffff:127.0.0.1]"],
    )  # fmt: skip
    def test_loopback_hosts(self, server: EmbeddedServer, host: str) -> None:
        assert get(server, Host=host).status_code == 200

    @pytest.mark.parametrize(
        "host",
        ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example",
         "evil-localhost", "127.0.0.1@evil.example", "evil.example#localhost", "localhost/x",
         "192.168.1.5", "0.0.0.0", "[::]", "[::ffff:10.0.0.1]", "2130706433", "127.1", "localhost:x",
         "localhost, evil.example", "[::1", "::1", "", ":80"],
    )  # fmt: skip
    @pytest.mark.parametrize("path", ["/api/tags", "/v1/models"])
    def test_other_hosts(self, server: EmbeddedServer, path: str, host: str) -> None:
        with connect(server) as peer:
            peer.sendall(head(server, f"GET {path}", host=host))
            status, error = answer(peer)
            assert status == 403
            assert "127.0.0.1" in words(path, error)
            assert receive(peer) == b""

    def test_two_hosts_or_none(self, server: EmbeddedServer) -> None:
        for line in ("Host: localhost\r\nHost: evil.example\r\n", ""):
            with connect(server) as peer:
                peer.sendall(f"GET /api/tags HTTP/1.1\r\n{line}\r\n".encode())
                assert answer(peer)[0] == 400
        with connect(server) as peer:
            peer.sendall(b"GET /api/tags HTTP/1.0\r\n\r\n")
            assert answer(peer)[0] == 403

    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            ("http://localhost", 200),
            ("http://localhost:3000", 200),
            ("https://127.0.0.1:8443", 200),
            ("http://[::1]:5173", 200),
            ("https://evil.example", 403),
            ("http://localhost.evil.example", 403),
            ("http://127.0.0.1@evil.example", 403),
            ("null", 403),
            ("", 403),
            ("file://", 403),
            ("chrome-extension://abcdef", 403),
            ("localhost", 403),
        ],
    )
    def test_origins(self, server: EmbeddedServer, origin: str, status: int) -> None:
        assert get(server, Origin=origin).status_code == status
        preflight = httpx.options(f"{server.url}/api/chat", headers={"Origin": origin})
        assert preflight.status_code == (401 if status == 200 else 403)
        assert "access-control-allow-origin" not in preflight.headers

    def test_the_address_that_it_listens_on(self) -> None:
        with EmbeddedServer([LIGHT], host="0.0.0.0") as wide:
            port = wide.url.rpartition(":")[2]
            url = f"http://127.0.0.1:{port}/api/tags"
            for host, status in [("0.0.0.0", 200), ("10.1.2.3:80", 200), ("evil.example", 403)]:
                found = httpx.get(url, headers={**wide.headers, "Host": host})
                assert found.status_code == status
            assert httpx.get(url).status_code == 401


class TestBodies:
    @pytest.mark.parametrize("path", CHATS)
    def test_size(self, server: EmbeddedServer, path: str) -> None:
        body = json.dumps({"model": "nope", "messages": [], "x": ""})
        at_most = body[:-2] + "x" * (5000 - len(body)) + body[-2:]
        assert len(at_most) == 5000
        assert post(server, path, at_most).status_code == 404
        over = post(server, path, at_most + " ")
        assert over.status_code == 413
        assert "5000 bytes" in words(path, over.json())

    @pytest.mark.parametrize("path", CHATS)
    def test_a_large_one_is_refused_by_its_head(self, server: EmbeddedServer, path: str) -> None:
        with connect(server) as peer:
            asking = ["Content-Length: 400000000", "Expect: 100-continue"]
            peer.sendall(head(server, f"POST {path}", *asking))
            status, error = answer(peer)  # and not "100 Continue"
            assert status == 413
            words(path, error)
            assert receive(peer) == b""

    @pytest.mark.parametrize("path", CHATS)
    def test_a_client_that_sends_on_reads_the_answer(
        self, server: EmbeddedServer, path: str
    ) -> None:
        assert post(server, path, b"x" * 50_000_000).status_code == 413

    @pytest.mark.parametrize("path", CHATS)
    def test_no_length(self, server: EmbeddedServer, path: str) -> None:
        refused = post(server, path, iter([b"{}"]))
        assert refused.status_code == 411
        assert "Content-Length" in words(path, refused.json())

    @pytest.mark.parametrize("path", CHATS)
    def test_depth(self, server: EmbeddedServer, path: str) -> None:
        for levels, status in [(DEPTH - 1, 404), (DEPTH, 400), (2400, 400)]:
            nested = "[" * levels + "]" * levels  # one level is the object around it
            response = post(server, path, f'{{"model": "nope", "messages": {nested}}}')
            assert response.status_code == status
            assert ("nested deeper" in words(path, response.json())) == (status == 400)
        assert post(server, path, '{"a":' * 900).status_code == 400
        in_a_string = json.dumps({"model": "nope", "messages": [], "x": '"\\[[{' * 99})
        assert post(server, path, in_a_string).status_code == 404

    @pytest.mark.parametrize("path", CHATS)
    @pytest.mark.parametrize(
        "content",
        ["", "null", "[]", '"x"', "{", '{"model": NaN}', '{"model": "nope", "x": -Infinity}',
         '{"model": "nope", "x": 1e999}', '{"model": "\\ud800"}', '{"x": "\\ud83d"}', b"\xff\xfe{}",
         '{"x": ' + "9" * 4900 + "}"],
    )  # fmt: skip
    def test_no_json_object(self, server: EmbeddedServer, path: str, content: Any) -> None:
        response = post(server, path, content)
        assert response.status_code == 400
        assert words(path, response.json())

    @pytest.mark.parametrize(
        ("path", "field"),
        [
            *[(path, {"tools": tools}) for path in CHATS
              for tools in (5, "x", {"x": 1}, ["x"], [{"function": 5}])],
            ("/api/chat", {"options": [1]}),
            ("/api/chat", {"logprobs": True, "top_logprobs": "x"}),
            ("/api/chat", {"messages": [{"role": "assistant", "tool_calls": 5}]}),
            ("/api/chat", {"messages": [{"role": ["user"]}]}),
            ("/v1/chat/completions", {"stream_options": 1}),
            ("/v1/chat/completions", {"model": ["x"]}),
        ],
    )  # fmt: skip
    def test_fields_of_another_type(
        self, server: EmbeddedServer, path: str, field: dict[str, Any]
    ) -> None:
        # None of them gets as far as a model: it would have to be loaded first.
        body = {"model": LIGHT, "messages": [{"role": "user", "content": "x"}], **field}
        response = post(server, path, json.dumps(body))
        assert response.status_code == (404 if "model" in field else 400)
        assert words(path, response.json())

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [("GET", "/nothing", 404), ("GET", "/v1/nothing", 404), ("POST", "/v1/models", 405),
         ("PUT", "/api/chat", 405), ("POST", "/api/../v1/models", 404)],
    )  # fmt: skip
    def test_no_such_route(
        self, server: EmbeddedServer, method: str, path: str, status: int
    ) -> None:
        with connect(server) as peer:
            peer.sendall(head(server, f"{method} {path}"))
            found, error = answer(peer)
        assert found == status
        words(path, error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text('[]{}\\" \ud800aä'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('[{\\"a'), inner),
)


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@given(JSON, st.integers(1, 6), st.booleans())
def test_depth_is_that_of_the_value(value: Any, most: int, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert deeper_than(text, most) == (depth_of(value) > most)


@given(st.binary() | st.text(st.sampled_from('{}[]",:\\ 0e9-\ud800')).map(
    lambda text: text.encode("utf-8", "surrogatepass")))  # fmt: skip
def test_any_bytes_are_an_object_or_a_bad_request(raw: bytes) -> None:
    try:
        body = read_object(raw, 5)
    except BadRequest:
        return
    assert json.loads(json.dumps(body, allow_nan=False)) == body


@pytest.mark.parametrize("piece", ["[", '["', '\\"', '"', "\\", '{"a":[', "[],"])
def test_work_on_depth_is_linear(piece: str) -> None:
    # A quadratic pattern takes minutes for a megabyte of these.
    deeper_than("[[[[[" + '"' + piece * 300_000, 4_000_000)
    deeper_than("[" * 5 + '"' + piece * 300_000, 6)

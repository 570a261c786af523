"""A LangSmith server, as far as projects and feedback go."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class LangSmithServer:
    """LangSmith's own endpoints on loopback: projects by their name, feedback given and listed.

    Args:
        project: The name of the only project.
    """

    def __init__(self, project: str = "production") -> None:
        self.project, self.project_id = project, str(uuid.uuid4())
        self.feedback: dict[str, dict[str, Any]] = {}
        self.paths: list[str] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        """End."""
        self._http.shutdown()
        self._http.server_close()

    def answer(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        """The status and the JSON for a request."""
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        self.paths.append(f"{method} {parts.path}")
        if parts.path == "/info":
            return 200, {"version": "0.10", "batch_ingest_config": None}
        if (method, parts.path) == ("GET", "/sessions"):
            known = query.get("name") == [self.project]
            project = {
                "id": self.project_id,
                "name": self.project,
                "tenant_id": self.project_id,
                "reference_dataset_id": None,
                "start_time": datetime.now(UTC).isoformat(),
            }
            return 200, [project] if known else []
        if (method, parts.path) == ("POST", "/feedback"):
            now = datetime.now(UTC).isoformat()
            made = {"trace_id": body["run_id"], "session_id": self.project_id} | body
            made |= {"created_at": now, "modified_at": now}
            self.feedback[body["id"]] = made
            return 200, made
        if method == "PATCH" and parts.path.startswith("/feedback/"):
            self.feedback[parts.path.rpartition("/")[2]].update(body)
            return 200, {}
        if (method, parts.path) == ("GET", "/feedback"):
            found = [
                each
                for each in self.feedback.values()
                if each["key"] in query["key"] and each["session_id"] in query["session"]
            ]
            begin, most = int(query["offset"][0]), int(query["limit"][0])
            return 200, found[begin : begin + most]
        return 404, {"detail": f"no {method} {parts.path} here"}


def _handler(server: LangSmithServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, answer = server.answer(self.command, self.path, json.loads(raw or b"null"))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = _serve

        def log_message(self, *_: object) -> None:
            """Nothing on the tests' output."""

    return Handler

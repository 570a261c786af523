"""OpenAI's batch protocol: files up, a batch that is looked at, and its output's file."""

from __future__ import annotations

import json
import re
from typing import Any

from .http import Request
from .openai import OpenAIAnswer, OpenAIServer
from .reply import as_reply


class OpenAIBatchServer(OpenAIServer):
    """A scripted OpenAI with `/v1/files` and `/v1/batches`.

    Attributes:
        files: Each file's content by its id, uploaded ones and outputs.
        batches: Each batch as the API tells it, by its id.
        polls: How often a batch is looked at before it has ended.
        ends: How it ends.
        unasked: Rows ("row-3") that are not asked before it ends.
        refused: Rows that are answered with status 400.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.files: dict[str, str] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.polls = 2
        self.ends = "completed"
        self.unasked: set[str] = set()
        self.refused: set[str] = set()
        super().__init__(*args, **kwargs)

    def fixed(self, request: Request) -> Any:
        """The files and batches, and what a chat server has besides."""
        path = request.path.removeprefix("/v1/")
        if request.method == "POST" and path == "files":
            return self._upload(request)
        if request.method == "POST" and path == "batches":
            return self._create(json.loads(request.body))
        if path == "batches":
            return {"object": "list", "data": list(self.batches.values()), "has_more": False}
        if path.startswith("batches/"):
            return self._look(path.removeprefix("batches/"))
        if found := re.fullmatch(r"files/(.+)/content", path):
            return self.files.get(found[1])
        return super().fixed(request)

    def _upload(self, request: Request) -> dict[str, Any]:
        boundary = request.headers["content-type"].partition("boundary=")[2].encode()
        for part in request.body.split(b"--" + boundary):
            head, _, content = part.partition(b"\r\n\r\n")
            if b"filename=" in head:
                id_ = f"file-{len(self.files) + 1}"
                self.files[id_] = content.removesuffix(b"\r\n").decode()
        return {
            "id": id_,
            "object": "file",
            "bytes": len(self.files[id_]),
            "created_at": 1_700_000_000,
            "filename": "escalations.jsonl",
            "purpose": "batch",
            "status": "processed",
        }

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        id_ = f"batch_{len(self.batches) + 1}"
        self.batches[id_] = {
            "id": id_,
            "object": "batch",
            "endpoint": body["endpoint"],
            "input_file_id": body["input_file_id"],
            "completion_window": body["completion_window"],
            "status": "validating",
            "created_at": 1_700_000_000,
            "output_file_id": None,
            "error_file_id": None,
            "looked_at": 0,
        }
        return self.batches[id_]

    def _look(self, id_: str) -> dict[str, Any]:
        batch = self.batches[id_]
        batch["looked_at"] += 1
        batch["status"] = "in_progress"
        if batch["looked_at"] > self.polls:
            batch["status"] = self.ends
            if self.ends != "failed" and batch["output_file_id"] is None:
                self._answer(batch)
        return batch

    def _answer(self, batch: dict[str, Any]) -> None:
        lines: dict[str, list[str]] = {"output_file_id": [], "error_file_id": []}
        for line in reversed(self.files[batch["input_file_id"]].splitlines()):  # in no given order
            asked = json.loads(line)
            if asked["custom_id"] in self.unasked:
                continue
            refused = asked["custom_id"] in self.refused
            reply = as_reply(self.default, asked["body"])
            answer = OpenAIAnswer(reply, asked["body"])
            body = {"error": {"message": "no"}} if refused else json.loads(answer.whole())
            response = {"status_code": 400 if refused else 200, "request_id": "r", "body": body}
            result = {"id": "b", "custom_id": asked["custom_id"], "response": response}
            lines["error_file_id" if refused else "output_file_id"].append(json.dumps(result))
        for name, found in lines.items():
            if found:
                batch[name] = f"file-{len(self.files) + 1}"
                self.files[batch[name]] = "\n".join(found) + "\n"

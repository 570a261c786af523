"""Many rows on Ray: actors that build their router once, and a journal by row ids."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import AnyPath, needed
from lc_asym_router.batch.bound_router import bound, check_either, journal_maker
from lc_asym_router.batch.input_rows import input_rows, plain_value
from lc_asym_router.batch.journal import entry_in
from lc_asym_router.batch.output import check_output, write_output
from lc_asym_router.batch.results import RESULTS, BatchResult, row_result, timed
from lc_asym_router.errors import BudgetExceededError, ConfigurationError, DataError

if TYPE_CHECKING:
    from lc_asym_router.router.spec import RouterSpec

READERS = {".jsonl": "read_json", ".csv": "read_csv", ".parquet": "read_parquet"}


def ray(
    spec: RouterSpec,
    dataset: Any,
    *,
    prompt: str | None = None,
    tools: Sequence[Any] | None = None,
    schema: dict[str, Any] | type | None = None,
    prefix: str = "",
    actors: int = 2,
    concurrency: int = 16,
    batch_size: int = 64,
    journal: AnyPath | None = None,
    row_id: str | None = None,
) -> Any:
    """Ask a router every row of a Ray dataset, in actors that build their router once.

    No row raises: what has failed has its reason in "error". Budgets and ledger are shared through
    the description's database; after each batch of rows an actor's ledger is written. With a journal
    a run that was ended goes on: a row with an answer is not asked again, one that failed is.

    Args:
        spec: The router's description.
        dataset: A `ray.data.Dataset`.
        prompt: A text with columns in braces, as for `run`.
        tools: Tools that are bound to the router.
        schema: A schema that every answer follows.
        prefix: Put before the names of the columns that are added.
        actors: How many actors ask.
        concurrency: How many requests each actor runs at once.
        batch_size: Rows that an actor gets at a time.
        journal: A folder that all actors can write to; `None` for no journal. It holds answers.
        row_id: The column that tells rows apart there; `None` for all columns together.

    Returns:
        The dataset, not run yet, with the columns of `run`; "parsed" is JSON.

    Raises:
        ConfigurationError: A setting is invalid, or the extra `ray` is missing.
        DataError: The journal is of another router, prompt, schema or tools.
    """
    data = needed("ray.data", "ray")
    check_either(tools, schema)
    for name, value in (("actors", actors), ("concurrency", concurrency)):
        if isinstance(value, bool) or value < 1:
            raise ConfigurationError(f"{name}={value} must be at least 1.")
    asker = Asker(spec, prompt, tools, schema, prefix, concurrency, journal, row_id)
    asker.check()
    return dataset.map_batches(
        Actor,
        fn_constructor_args=(asker,),
        compute=data.ActorPoolStrategy(size=actors),
        batch_size=batch_size,
        batch_format="pyarrow",
        num_cpus=0.5,  # an actor waits for its models
    )


def run_file(spec: RouterSpec, rows: str, out: AnyPath, **settings: Any) -> BatchResult:
    """Answer the rows of a file on Ray, in order, with a journal beside the output.

    Args:
        spec: The router's description.
        rows: The rows' file.
        out: The output.
        **settings: As for `ray`.

    Raises:
        ConfigurationError: As for `ray`, or Ray reads no such file.
    """
    out, began = Path(out), time.perf_counter()
    check_output(out)
    data, reader = needed("ray.data", "ray"), READERS.get(Path(rows).suffix)
    if reader is None:
        raise ConfigurationError(f"{rows}: on Ray give a file that ends in {', '.join(READERS)}.")
    data.DataContext.get_current().execution_options.preserve_order = True
    dataset = getattr(data, reader)(str(Path(rows).resolve()))
    folder = out.with_name(f"{out.name}.ray-journal").resolve()
    answers = ray(spec, dataset, journal=folder, **settings).materialize()

    def lines() -> Iterator[dict[str, Any]]:
        for row in answers.iter_rows():
            parsed = row[f"{prefix}parsed"]
            yield {**row, f"{prefix}parsed": None if parsed is None else json.loads(parsed)}

    prefix = settings.get("prefix", "")
    failed = sum(line[f"{prefix}error"] is not None for line in lines())
    count = sum(1 for _ in lines())
    cost = sum(line[f"{prefix}cost"] or 0.0 for line in lines())
    write_output(out, lines)
    seconds = time.perf_counter() - began
    return BatchResult(out, count, count - failed, failed, cost, seconds)


@dataclass(frozen=True)
class Asker:
    """What an actor needs: plain data that is sent to it."""

    spec: RouterSpec
    prompt: str | None
    tools: Sequence[Any] | None
    schema: dict[str, Any] | type | None
    prefix: str
    concurrency: int
    journal: AnyPath | None
    row_id: str | None

    @property
    def maker(self) -> str:
        """Identifies the settings that answers depend on."""
        return journal_maker(self.spec, self.prompt, self.tools, self.schema, self.prefix)

    def check(self) -> None:
        """Refuse the journal of another run, before any actor starts.

        Raises:
            DataError: It is one.
        """
        if self.journal is not None:
            IdJournal(Path(self.journal), self.maker)

    def key(self, row: Mapping[str, Any]) -> str:
        """Return what tells a row apart in the journal.

        Raises:
            DataError: It has no such column.
        """
        if self.row_id is None:
            whole = json.dumps(plain_value(row), sort_keys=True).encode()
            return hashlib.sha256(whole).hexdigest()[:32]
        if row.get(self.row_id) is None:
            raise DataError(f"A row has no column {self.row_id!r}, which is row_id=.")
        return str(row[self.row_id])


class IdJournal:
    """The results of all actors, by row ids: a file for each actor that has written.

    It keeps where each answer stands, and no answer.

    Args:
        folder: The files' folder.
        maker: Identifies the settings; a file of another maker is refused.

    Raises:
        DataError: A file is of another maker.
    """

    def __init__(self, folder: Path, maker: str) -> None:
        self._folder, self._maker = folder, maker
        self._places: dict[str, tuple[Path, int]] = {}
        self._file: Any = None
        for path in sorted(folder.glob("*.jsonl")):
            self._take_up(path)

    def _take_up(self, path: Path) -> None:
        with path.open("rb") as file:
            header = entry_in(file.readline()) or {}
            if header and header.get("maker") != self._maker:
                raise DataError(
                    f"{self._folder} is of a batch with another router, prompt, schema or tools. Give "
                    "another journal, or the old settings to go on with that one."
                )
            place = file.tell()
            while line := file.readline():
                entry = entry_in(line) or {}  # a line that a crash cut off is asked again
                if isinstance(entry.get("id"), str):
                    self._places[entry["id"]] = (path, place)
                place = file.tell()

    def get(self, id_: str) -> dict[str, Any] | None:
        """Return a row's result; `None` where it has no answer."""
        if id_ not in self._places:
            return None
        path, place = self._places[id_]
        with path.open("rb") as file:
            file.seek(place)
            found: dict[str, Any] = json.loads(file.readline())["result"]
        return found

    def add(self, id_: str, result: dict[str, Any]) -> None:
        """Write an answered row's result."""
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = (self._folder / f"{uuid.uuid4().hex}.jsonl").open("wb")
            self._write({"maker": self._maker})
        self._write({"id": id_, "result": result})

    def _write(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()


@dataclass
class Actor:
    """Asks the rows of a batch; Ray makes one in each worker."""

    asker: Asker
    _journal: IdJournal | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._router = self.asker.spec.build()
        self._asks = bound(self._router, self.asker.tools, self.asker.schema)
        if self.asker.journal is not None:
            self._journal = IdJournal(Path(self.asker.journal), self.asker.maker)
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(self.asker.concurrency)

    def __call__(self, table: Any) -> Any:
        arrow = needed("pyarrow", "ray")
        rows = table.to_pylist()
        asked = [row.asked for row in input_rows(rows, self.asker.prompt)]
        results = list(self._pool.map(self._result, rows, asked))
        for handler in self._router.callbacks or ():
            if hasattr(handler, "flush"):
                handler.flush()
        number = {"cost", "seconds"}
        for name in RESULTS:
            kind = arrow.float64() if name in number else arrow.string()
            values = [result[name] for result in results]
            if name == "parsed":
                values = [None if value is None else json.dumps(value) for value in values]
            table = table.append_column(f"{self.asker.prefix}{name}", arrow.array(values, kind))
        return table

    def _result(self, row: dict[str, Any], asked: Any) -> dict[str, Any]:
        key = self.asker.key(row)
        if self._journal is not None and (known := self._journal.get(key)) is not None:
            return known
        result, seconds = timed(lambda: self._asks.invoke(asked))
        columns = row_result(result, seconds).columns
        if isinstance(result, BudgetExceededError):
            columns["error"] = str(result.exhausted)
        if self._journal is not None and columns["error"] is None:
            with self._lock:
                self._journal.add(key, columns)
        return columns

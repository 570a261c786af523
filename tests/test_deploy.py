"""The files in deploy/: what they promise holds together, since no image can be built here."""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from lc_asym_router.gateway.config import GatewayConfig
from lc_asym_router.gateway.key_access import KeyAccess
from lc_asym_router.gateway.keys import KeyLimits, KeyStore
from lc_asym_router.gateway.routes import Routes

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
SECRETS = {"DATABASE_URL", "OPENAI_API_KEY", "LC_ASYM_ROUTER_SIGNING_KEY", "POSTGRES_PASSWORD"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.fixture
def config(monkeypatch, tmp_path) -> GatewayConfig:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/gateway.sqlite3")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-key")
    return GatewayConfig.from_toml(DEPLOY / "gateway.toml")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, with continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", (DEPLOY / "Dockerfile").read_text())
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


async def test_the_gateways_file_serves_and_can_keep_a_keys_budget(config, tmp_path):
    assert config.keys
    assert config.app().routes
    store = KeyStore(tmp_path / "gateway.sqlite3")
    access = KeyAccess(store)
    key = store.add("ada", KeyLimits(usd_per_day=5))
    caller = await access.admit({"x-api-key": key}, "auto", 10)
    routes = Routes(config.router.build(callbacks=[]))
    assert len(routes.find("auto", caller).router.policy.budgets) == 3
    access.close()


def test_compose_opens_nothing_beyond_this_machine(compose):
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["cap_drop"] == ["ALL"]
        assert re.search(r":\d+\.\d+", service["image"])
        assert service["healthcheck"]["test"][0] == "CMD"
        assert not {"privileged", "network_mode", "pid"} & set(service)
    assert compose["networks"]["back"]["internal"]


def test_compose_takes_every_secret_from_the_environment(compose):
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            assert name not in SECRETS or ":?" in value, name
    example = (DEPLOY / ".env.example").read_text()
    given = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    assert given == set(re.findall(r"^(\w+)=$", example, re.MULTILINE))


def test_compose_fits_the_gateways_file(compose, config):
    gateway = compose["services"]["gateway"]
    assert gateway["ports"] == [f"127.0.0.1:{config.port}:{config.port}"]
    for tier in config.router.tiers:
        if at := tier.settings.get("base_url"):
            assert re.fullmatch(r"http://(\w+):\d+", at)[1] in compose["services"]
    for volume in gateway["volumes"]:
        assert (DEPLOY / volume.partition(":")[0]).is_file()
    assert (DEPLOY / gateway["build"]["context"] / gateway["build"]["dockerfile"]).is_file()
    assert int(gateway["stop_grace_period"].removesuffix("s")) > config.graceful_seconds
    assert f":{config.port}/health" in " ".join(gateway["healthcheck"]["test"])
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert gateway["image"].endswith(f":{version}")


def test_the_image_runs_as_nobody_special_and_copies_what_is_there():
    found = instructions()
    words = [word for word, _ in found]
    assert set(words) <= {
        *("FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER"),
        *("EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"),
    }
    last = found[len(words) - words[::-1].index("FROM") - 1 :]
    assert dict(last)["USER"] == "10001:10001"
    assert dict(last)["ENTRYPOINT"] == '["lc-asym-router"]'
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for word, rest in found:
        if word == "COPY" and not rest.startswith("--from"):
            for source in shlex.split(rest)[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source.removeprefix('./')}" in ignored, source
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = re.search(r"\.\[([\w,]+)\]", dict(found)["RUN"] + str(found))
    assert asked is not None
    assert set(asked[1].split(",")) <= set(extras["optional-dependencies"])


def test_the_unit_waits_for_what_is_in_service(config):
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "lc-asym-router.service")
    service = unit["Service"]
    assert service["ExecStart"].endswith("lc-asym-router serve /etc/lc-asym-router/gateway.toml")
    assert int(service["TimeoutStopSec"]) > config.graceful_seconds
    for name in ("NoNewPrivileges", "DynamicUser", "PrivateTmp"):
        assert service[name] == "yes"
    assert not SECRETS & set(service)

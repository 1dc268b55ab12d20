"""Every module of the apps is part of an import contract."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "chargers", "sessions", "operations", "maintenance")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
INSIDE_SUBJECTS = next(contract for contract in CONTRACTS if contract["name"].startswith("Inside a subject"))
WITHOUT_LAYERS = {"chargers.demo"}  # demo data: two independent modules
OF_DJANGO = {"management", "migrations", "templatetags"}


def subjects() -> set[str]:
    """Return all packages of the apps that are subjects, from the folders themselves."""
    folders = (folder for app in APPS for folder in (ROOT / app).iterdir() if folder.is_dir())
    packages = {f"{folder.parent.name}.{folder.name}" for folder in folders if any(folder.glob("*.py"))}
    return {name for name in packages if name.split(".")[1] not in OF_DJANGO | {"urls"}}


def exhaustive_containers() -> set[str]:
    return {name for contract in CONTRACTS if contract.get("exhaustive") for name in contract["containers"]}


def test_every_subject_has_the_layers_of_a_subject():
    assert set(INSIDE_SUBJECTS["containers"]) == subjects() - WITHOUT_LAYERS


@pytest.mark.parametrize("package", [*APPS, "cpms", "cpms.common", "cpms.portal", "ocpp_gateway"])
def test_a_module_without_a_place_fails_the_check(package: str):
    assert package in exhaustive_containers()


def test_all_subjects_are_exhaustive_too():
    assert INSIDE_SUBJECTS["exhaustive"] and set(INSIDE_SUBJECTS["containers"]) <= exhaustive_containers()

"""The workshop: `nox` runs everything that CI runs. One session: `nox -s lint`; one Python: `nox -s tests-3.12`.

A Python that is not installed is skipped; where the variable CI is set, it is an error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["lint", "types", "docs", "tests", "lowest", "build"]
nox.options.reuse_existing_virtualenvs = True

ROOT = Path(__file__).parent
PYTHONS = ["3.11", "3.12", "3.13"]
# One process more than CI has cores, since tests wait too; each more collects all tests once more.
PARALLEL = ["-q", "-n", "3", "--dist", "worksteal"]
# Many tests start Python: what it compiles is kept, also where the environment says otherwise.
COMPILED_ONCE: dict[str, str | None] = {"PYTHONDONTWRITEBYTECODE": None}
A_TENTH: dict[str, str | None] = {**COMPILED_ONCE, "RANDOM_SHARE": "0.1"}
# What says nothing about the version of Python or of a dependency is tried on the newest Python only: documents and
# their examples, what is generated, benchmarks, pages in a browser, other software, and jobs in random worlds.
ON_ONE_PYTHON = [
    "tests/access/checker",
    "tests/access/review/test_html_page.py",
    "tests/cli/test_examples.py",
    "tests/codegen",
    "tests/contract",
    "tests/integrations",
    "tests/test_benchmarks.py",
    "tests/test_docs.py",
    "tests/test_packaging.py",
    "tests/test_readme.py",
    "tests/test_workflow_guide.py",
]
# What adds nothing to the coverage takes half the time without it: tests with that marker, the above, and most of what
# runs a second time on trio. `-k` knows markers too.
NOT_MEASURED = " or ".join(
    [
        "unmeasured",
        "(trio and not test_background)",
        *(Path(path).name for path in ON_ONE_PYTHON if "codegen" not in path),
    ]
)
# What the oldest dependencies can break: the client, the command line, and files in YAML and of Excel.
ON_DEPENDENCIES = [
    "tests/access/plan/test_sources.py",
    "tests/access/review/test_xlsx.py",
    "tests/access/test_batches.py",
    "tests/cli",
    "tests/http",
    "tests/jsonapi",
    "tests/testing",
    *sorted({f"tests/{path.name}" for path in (ROOT / "tests").glob("test_*.py")} - {*ON_ONE_PYTHON}),
]
# What is built on the client and the models alone. The Pythons on both sides of 3.12 try it.
JOBS = ["tests/access", "tests/cli"]
# The oldest Python tries the rest with the oldest dependencies.
LEFT_OUT = {PYTHONS[0]: [*ON_ONE_PYTHON, *ON_DEPENDENCIES], PYTHONS[1]: [*ON_ONE_PYTHON, *JOBS]}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def group(name: str) -> list[str]:
    """The requirements of a dependency group."""
    return list(PROJECT["dependency-groups"][name])


def without(paths: list[str]) -> list[str]:
    """Arguments for pytest: all tests but these."""
    return [f"--ignore={path}" for path in paths]


def switch_on_pyenv() -> None:
    """Let nox find every Python that pyenv has: its shims refuse to run versions that are not switched on."""
    if shutil.which("pyenv"):
        found = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False)
        versions = [version for version in found.stdout.split() if version.rpartition(".")[0] in PYTHONS]
        if versions:
            os.environ["PYENV_VERSION"] = ":".join(versions)


switch_on_pyenv()


@nox.session
def lint(session: nox.Session) -> None:
    """Style, format, and the freshness of the synchronous classes."""
    session.install(*group("lint"), "-e", ".")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("python", "-m", "groups_sdk._codegen", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """mypy and pyright, strictly, and the share of the public API that is typed."""
    session.install(*group("types"), *group("test"), *group("integrations"), ".[speed,cli,yaml]")
    session.run("mypy", "--strict", "groups_sdk")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "groups_sdk", "--ignoreexternal")


@nox.session
def docs(session: nox.Session) -> None:
    """The reference of all public names, with the guides, in `.docs/`. Links and names that lead nowhere are errors."""
    session.install(*group("docs"), "-e", ".")
    session.run("python", ".github/docs/build.py", ".docs")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests, on asyncio and trio; on the newest Python all of them, with the coverage of lines and branches.

    The others leave out what says nothing about Python; the one between them also the jobs, and the oldest what
    `lowest` tries.

    What is drawn at random (the seeds of checker and chaos, the examples of hypothesis, the places of interrupts and
    forks) is tried in a tenth of its range, or the least that makes sense; `checker`, `chaos` and
    `tests-3.13 -- tests` try all of it and more.
    """
    newest = session.python == PYTHONS[-1]
    session.install(*group("test"), *group("lint"), *(group("integrations") if newest else []), "-e", ".")
    share = COMPILED_ONCE if session.posargs else A_TENTH
    if not newest:
        chosen = session.posargs or [*PARALLEL, *without(LEFT_OUT[str(session.python)])]
        session.run("pytest", *chosen, env=share)
        return
    session.run("coverage", "erase")
    if session.posargs:
        session.run("coverage", "run", "-m", "pytest", *session.posargs, env=share)
    else:
        session.run("coverage", "run", "-m", "pytest", *PARALLEL, "-k", f"not ({NOT_MEASURED})", env=share)
        session.run("pytest", *PARALLEL, "-k", NOT_MEASURED, env=share)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")
    if not session.posargs:
        # The thread's rooms have branches that only forks, signals and the end of a process take: shown, not gated.
        session.run("coverage", "report", "--omit=*/_portal.py,*/_loop_thread.py", "--fail-under=100")


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """The tests of what stands on the dependencies, with the oldest of them that pyproject.toml allows."""
    extras = PROJECT["project"]["optional-dependencies"]
    allowed = [*PROJECT["project"]["dependencies"]]
    for extra in ("speed", "cli", "yaml", "xlsx", "redis"):
        allowed += extras[extra]
    oldest = [requirement.split(",")[0].replace(">=", "==") for requirement in allowed]
    # The oldest that httpx allows: what is private in it, one guard looks at.
    oldest.append("httpcore==1.0.0")
    session.install(*group("test"), *group("lint"), *oldest, "-e", ".")
    # No random trouble: older anyio leaves sockets that end in bad order to the garbage collector, which warns.
    chosen = session.posargs or [*PARALLEL, *without(ON_ONE_PYTHON), *ON_DEPENDENCIES]
    session.run("pytest", *chosen, env=A_TENTH)


@nox.session
def build(session: nox.Session) -> None:
    """The wheel and the sdist, what is in them, and their commands, without and with the extra."""
    dist = Path(session.create_tmp()).resolve() / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.install("build")
    session.run("python", "-m", "build", "--outdir", str(dist), silent=True)
    (wheel,) = dist.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    generated = [f"groups_sdk/_sync/{path.name}" for path in (ROOT / "groups_sdk" / "_sync").glob("*.py")]
    public = [
        "groups_sdk/py.typed",
        "groups_sdk/__init__.pyi",
        "groups_sdk/access/__init__.pyi",
        "groups_sdk/testing/__init__.py",
    ]
    for name in (*public, *generated):
        if name not in names:
            session.error(f"{name} is not in the wheel")
    if any("_codegen" in name for name in names):
        session.error("the generator is in the wheel")
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        sources = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("tests/conftest.py", "groups_sdk/_codegen/__main__.py", "noxfile.py", "LICENSE"):
        if name not in sources:
            session.error(f"{name} is not in the sdist")
    clean = dist.parent / "clean"
    venv.create(clean, clear=True, with_pip=True)
    scripts = clean / ("Scripts" if os.name == "nt" else "bin")
    python, command = str(scripts / "python"), str(scripts / "groups-sdk")
    session.run(python, "-m", "pip", "install", "-q", str(wheel), external=True)
    with session.chdir(dist):
        session.run(python, "-m", "groups_sdk", "demo", external=True)
        session.run(command, "review", "--fake", external=True, success_codes=[2])  # says what to install
        session.run(python, "-m", "pip", "install", "-q", f"{wheel}[cli]", external=True)
        session.run(command, "review", "--fake", external=True)
    session.log(f"{wheel.name}: {wheel.stat().st_size / 1024:.0f} KiB")


@nox.session
def chaos(session: nox.Session) -> None:
    """Random trouble for longer: `nox -s chaos -- SEEDS STEPS`, such as `17 400` or `100-199 40`."""
    seeds, steps = [*session.posargs, *("0-99", "40")[len(session.posargs) :]][:2]
    session.install(*group("test"), "-e", ".")
    patient = ["-o", "faulthandler_timeout=3600"]  # seconds for one seed
    session.run("pytest", "-q", *patient, "tests/chaos", env={"CHAOS_SEEDS": seeds, "CHAOS_STEPS": steps})


@nox.session
def checker(session: nox.Session) -> None:
    """Jobs in random worlds for longer: `nox -s checker -- SEEDS RUNS`, such as `17 8` or `1000-4999 4`.

    RUNS is how often a job is begun at the most: after it was killed, or once more when all is done.
    """
    seeds, runs = [*session.posargs, *("0-4999", "4")[len(session.posargs) :]][:2]
    session.install(*group("test"), "-e", ".")
    session.run(
        "pytest",
        "-q",
        *PARALLEL,
        "tests/access/checker/test_checker.py",
        env={"CHECKER_SEEDS": seeds, "CHECKER_RUNS": runs},
    )


@nox.session(reuse_venv=False)  # nothing may be left in it that users do not have
def bench(session: nox.Session) -> None:
    """What the SDK costs, in one table: `nox -s bench -- 1 3 --rounds 9` for some rows, and more rounds.

    Each environment has what a user installs and nothing else. This session's own is the one with sniffio.
    """
    without_sniffio = [
        extra
        for extra in PROJECT["project"]["optional-dependencies"]["speed"]
        if not extra.startswith("sniffio")
    ]
    session.install(".[speed]")
    pythons = {"with-sniffio": Path(session.bin) / "python"}
    for name, requirements in {
        "without-sniffio": [".", *without_sniffio],
        "pydantic": group("bench-pydantic"),
        "pysnyk": group("bench-pysnyk"),
        "openai": group("bench-openai"),
        "cli": [".[cli]"],
        "opentelemetry": [".[speed]", *group("bench-opentelemetry")],
    }.items():
        place = Path(session.create_tmp()).resolve() / name
        session.run("python", "-m", "venv", str(place))
        pythons[name] = place / ("Scripts" if os.name == "nt" else "bin") / "python"
        session.run(str(pythons[name]), "-m", "pip", "install", "-q", *requirements, external=True)
    environments = [f"--environment={name}={python}" for name, python in pythons.items()]
    with session.chdir(ROOT / "tests"):
        session.run("python", "-E", "-m", "benchmarks", *environments, *session.posargs)


@nox.session
def generate(session: nox.Session) -> None:
    """Write the synchronous classes anew from the asynchronous ones."""
    session.install(*group("lint"), "-e", ".")
    session.run("python", "-m", "groups_sdk._codegen")

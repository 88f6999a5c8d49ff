"""The greeting's activities, done by Temporal's Python SDK."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from temporalio import activity
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.worker import Worker


@dataclass
class ComposeArgsInput:
    arg1: str
    arg2: str


@activity.defn
async def cancellable_activity(input: ComposeArgsInput) -> NoReturn:
    try:
        while True:
            print("Heartbeating cancel activity")
            await asyncio.sleep(0.5)
            activity.heartbeat("some details")
    except asyncio.CancelledError:
        print("Activity cancelled")
        raise


@activity.defn
async def cleanup() -> str:
    print("Cleaning up")
    await asyncio.sleep(2)
    print("Cleaned up")
    return "clean"


async def main() -> None:
    # TEMPORAL_ADDRESS says where; without it, the server is on this machine.
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    client = await Client.connect(**config)
    worker = Worker(
        client,
        task_queue="default",
        activities=[cancellable_activity, cleanup],
        # The SDK holds heartbeats back for most of their timeout (30 s), and hears of a cancellation only when it sends one.
        max_heartbeat_throttle_interval=timedelta(milliseconds=500),
    )
    print("Working")
    await worker.run()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass

"""Starts a greeting, interrupts it, and says how it ended, by Temporal's Python SDK.

`client.py start|cancel|terminate|result WORKFLOW_ID`
"""

import asyncio
import sys

from temporalio.client import Client, WorkflowFailureError
from temporalio.envconfig import ClientConfig

from worker import ComposeArgsInput


async def main(verb: str, id: str) -> None:
    # TEMPORAL_ADDRESS says where; without it, the server is on this machine.
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    client = await Client.connect(**config)
    match verb:
        case "start":
            input = ComposeArgsInput("Hello", "World")
            await client.start_workflow("GreetingWorkflow", input, id=id, task_queue="default")
            print("started")
        case "cancel":
            await client.get_workflow_handle(id).cancel()
            print("asked to cancel")
        case "terminate":
            await client.get_workflow_handle(id).terminate()
            print("terminated")
        case "result":
            try:
                print(await client.get_workflow_handle(id).result())
            except WorkflowFailureError as failure:
                why = failure.cause
                print(f"{type(why).__name__}: {why}")
                if why.__cause__:
                    print(f"  caused by {type(why.__cause__).__name__}: {why.__cause__}")
        case _:
            sys.exit(__doc__)
    # Threads of the SDK that still hold an answer crash the process if it ends at once.
    await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

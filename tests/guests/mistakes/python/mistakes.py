"""Makes the mistake that its input names."""

import socket
import sys
import threading
import time

import wit_world
from componentize_py_types import Err
from patterns import activity_options, decode, encode
from wit_world.imports import activities
from wit_world.imports.types import Payload, Payload_Json


class WitWorld(wit_world.WitWorld):
    def run(self, input: list[Payload]) -> Payload:
        match decode(input):
            case "throw":
                raise ValueError("the stock is inconsistent")
            case "throw-because":
                try:
                    {}["stock"]
                except KeyError as error:
                    raise RuntimeError("no order") from error
            case "throw-while-handling":
                try:
                    {}["order"]
                except KeyError:
                    stock.clear()
            case "exit":
                sys.exit(3)
            case "number":
                return 13
            case "nothing":
                return None
            case "inner-number":
                return Payload_Json(13)
            case "wrong-failure":
                raise Err("sold out")
            case "argument":
                activities.execute("charge", 13, activity_options(start_to_close_timeout=1))
            case "clock":
                wait_for_the_clock()
            case "file":
                open("/stock.txt")
            case "socket":
                socket.socket().connect(("127.0.0.1", 80))
            case "thread":
                threading.Thread(target=print).start()
        return encode("none")


def wait_for_the_clock() -> None:
    begin = time.time()
    while time.time() < begin + 1:
        pass

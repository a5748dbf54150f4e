"""Work on a shop's front end without a stack: the demo shop, the SDK, and decisions by script.

Every event is answered by the first step of the script that fits; pages, files of the SDK and the
script are read anew at each start, so nothing has to be built or waited for.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from aiohttp import web

from cli.output import CommandError
from infra.demo.shop.app import make_app
from infra.demo.shop.products import read_products
from infra.dev.gateway import ScriptedGateway
from infra.dev.script import PROVIDED, read_script
from infra.local.layout import CHECKOUT

NAME = "dev"
HELP = "the SDK and the demo shop against scripted decisions, without a stack"
EXAMPLE = "kairos dev --script script.yaml"
HOST, PORT = "127.0.0.1", 18090
SDK = CHECKOUT / "sdk" / "dist"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen and what to answer."""
    parser.add_argument("--script", type=Path, default=PROVIDED, metavar="FILE",
                        help="steps in YAML (infra/dev/script.yaml)")  # fmt: skip
    parser.add_argument("--port", type=int, default=PORT, help=f"of the gateway ({PORT})")
    parser.add_argument("--shop-port", type=int, default=PORT + 1, help=f"({PORT + 1})")


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    try:
        steps = read_script(args.script)
    except ValueError as error:
        raise CommandError(str(error)) from error
    if not (SDK / "kairos.js").is_file():
        raise CommandError("the SDK is not built; `make setup` builds it.")
    gateway = ScriptedGateway(SDK, steps)
    try:
        asyncio.run(_serve(gateway, args.port, args.shop_port))
    except OSError as error:
        raise CommandError(f"cannot listen: {error}; choose --port and --shop-port.") from error
    return 0


async def _serve(gateway: ScriptedGateway, port: int, shop_port: int) -> None:
    address = f"http://{HOST}:{port}"
    for app, each in ((gateway.app(), port), (make_app(read_products(), address), shop_port)):
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, HOST, each).start()
    print(f"shop     http://{HOST}:{shop_port}/   (add kairos.debug() in its console)")
    print(f"gateway  {address}   {len(gateway.steps)} scripted steps")
    await asyncio.Event().wait()

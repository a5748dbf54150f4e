"""Starts the django-oscar shop of benchmarks/oscar on the demo's goods."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser

from infra.demo.shop.pictures import SIZE, picture
from infra.demo.shop.products import read_products
from infra.local.layout import CHECKOUT
from infra.local.ports import is_free
from infra.local.probe import http_ok
from infra.local.process import wait_until
from infra.setup.home import Home

GOODS = 20
READY_WITHIN_S = 60.0
PORTS = range(31_100, 31_200)
FIX = "Run `python3.11 -m infra.setup oscar` first."


def free_origin() -> str:
    """An origin nobody listens on yet."""
    return f"http://127.0.0.1:{next(filter(is_free, PORTS))}"


@contextmanager
def oscar_shop(browser: Browser, folder: Path, origin: str, script: str) -> Iterator[None]:
    """The shop, filled anew, until the block ends. Raises RuntimeError where it is not installed.

    `script` is the address of the SDK.
    """
    home = Home.from_environment()
    if not home.oscar.is_dir():
        raise RuntimeError(f"django-oscar is not installed. {FIX}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    env = {
        **os.environ,
        "PYTHONPATH": str(home.oscar),
        "DJANGO_SETTINGS_MODULE": "benchmarks.oscar.settings",
        "KAIROS_OSCAR_DIR": str(folder),
        "KAIROS_OSCAR_SCRIPT": script,
    }
    python = [str(home.python), "-m"]
    goods = write_goods(browser, folder)
    for command in (["django", "migrate", "-v0"], ["benchmarks.oscar.seed", str(goods)]):
        subprocess.run([*python, *command], cwd=CHECKOUT, env=env, check=True)
    serve = [*python, "django", "runserver", "--noreload", origin[7:]]
    with (folder / "shop.log").open("w") as log:
        process = subprocess.Popen(serve, cwd=CHECKOUT, env=env, stdout=log, stderr=log)
    try:
        if not wait_until(lambda: http_ok(f"{origin}/catalogue/"), READY_WITHIN_S):
            told = (folder / "shop.log").read_text()[-500:]
            raise RuntimeError(f"the shop did not start: {told}")
        yield
    finally:
        process.terminate()
        process.wait()


def write_goods(browser: Browser, folder: Path) -> Path:
    """The demo's first products as a file, and their pictures as PNG beside it."""
    page = browser.new_page(viewport={"width": SIZE, "height": SIZE})
    goods = []
    for each in read_products()[:GOODS]:
        drawn = picture(each.id, each.category, each.title)
        page.set_content(f"<body style='margin:0'>{drawn}")
        page.screenshot(path=folder / f"{each.id}.png")
        fields = {"title": each.title, "category": each.category.capitalize()}
        goods.append({**fields, "price": each.price, "picture": f"{each.id}.png"})
    page.close()
    file = folder / "goods.json"
    file.write_text(json.dumps(goods), encoding="utf-8")
    return file

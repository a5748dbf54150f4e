"""`python -m benchmarks.oscar.seed FILE`: an empty database becomes a shop with these products.

FILE is JSON: [{"title", "category", "price", "picture"}], the picture a PNG beside it.
"""

from __future__ import annotations

import json
import os
import sys
from decimal import Decimal
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.oscar.settings")
IN_STOCK = 1_000


def seed(file: Path) -> None:
    """Make countries, categories, products and their stock."""
    from oscar.apps.address.models import Country
    from oscar.apps.catalogue.categories import create_from_breadcrumbs
    from oscar.apps.catalogue.models import Product, ProductClass
    from oscar.apps.partner.models import Partner

    Country.objects.create(
        iso_3166_1_a2="DE", iso_3166_1_a3="DEU", printable_name="Germany", name="Germany",
        is_shipping_country=True,
    )  # fmt: skip
    partner = Partner.objects.create(name="Warehouse")
    goods = ProductClass.objects.create(name="Goods", requires_shipping=True, track_stock=True)
    for number, each in enumerate(json.loads(file.read_text(encoding="utf-8")), start=1):
        product = Product.objects.create(
            title=each["title"], upc=f"kairos-{number}", product_class=goods
        )
        product.categories.add(create_from_breadcrumbs(each["category"]))
        product.stockrecords.create(
            partner=partner, partner_sku=f"kairos-{number}", price_currency="EUR",
            price=Decimal(each["price"]), num_in_stock=IN_STOCK,
        )  # fmt: skip
        add_picture(product, file.parent / each["picture"])


def add_picture(product: object, picture: Path) -> None:
    """Keep a copy of the picture in the shop's media folder."""
    from django.core.files import File
    from oscar.apps.catalogue.models import ProductImage

    with picture.open("rb") as handle:
        ProductImage.objects.create(product=product, original=File(handle, name=picture.name))


if __name__ == "__main__":
    django.setup()
    seed(Path(sys.argv[1]))

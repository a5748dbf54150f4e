import type { Page, Product, Source } from '../lib/types';
import { readJson } from '../lib/readJson';

/** The page as the shop describes it: `data-kairos-page` names its type. */
export function readPage(titled: boolean): Page {
  const { origin, pathname, search } = location;
  const type = document.querySelector<HTMLElement>('[data-kairos-page]')?.dataset.kairosPage;
  return {
    url: (origin + pathname + search).slice(0, 2048),
    path: pathname.slice(0, 2048),
    ...(type ? { type } : {}),
    ...(titled && document.title ? { title: document.title.slice(0, 200) } : {}),
  };
}

/** Where the visit came from; undefined for a step inside the shop. */
export function readSource(): Source | undefined {
  const source: Record<string, string> = {};
  const query = new URLSearchParams(location.search);
  for (const name of ['utm_source', 'utm_medium', 'utm_campaign']) {
    const value = query.get(name);
    if (value) source[name] = value.slice(0, 200);
  }
  const { referrer } = document;
  if (referrer && !referrer.startsWith(location.origin))
    source.referrer = referrer.split(/[?#]/)[0]!;
  return Object.keys(source).length ? source : undefined;
}

/** The product an element belongs to, from the closest `data-kairos-product` JSON. */
export function readProduct(element: Element | null): Product | undefined {
  const holder = element?.closest<HTMLElement>('[data-kairos-product]');
  return holder ? tidyProduct(readJson(holder.dataset.kairosProduct)) : undefined;
}

/** The one product a page is about: a marked main element, else its JSON-LD. */
export function readPageProduct(): Product | undefined {
  const marked = document.querySelector('[data-kairos-product][data-kairos-view]');
  if (marked) return readProduct(marked);
  for (const script of document.querySelectorAll('script[type="application/ld+json"]')) {
    const found = findProduct(readJson(script.textContent));
    if (found) return found;
  }
  return undefined;
}

type Loose = Record<string, unknown>;

function findProduct(node: unknown): Product | undefined {
  const list = Array.isArray(node) ? node : ((node as Loose | null)?.['@graph'] as unknown[]);
  if (Array.isArray(list)) {
    const products = list.map(findProduct).filter(Boolean);
    // Several products make a listing, not a product page.
    return products.length === 1 ? products[0] : undefined;
  }
  const item = node as Loose | null;
  if (!item || ![item['@type']].flat().includes('Product')) return undefined;
  const offer = [item.offers].flat()[0] as Loose | undefined;
  return tidyProduct({
    id: item.sku || item.productID || item['@id'] || location.pathname,
    name: item.name,
    category: (item.category as Loose | undefined)?.name || item.category,
    price: offer?.price ?? offer?.lowPrice,
    currency: offer?.priceCurrency,
  });
}

/** Keeps the known fields within the gateway's bounds, money as text; undefined without an id. */
export function tidyProduct(loose: unknown): Product | undefined {
  const given = loose as Loose | null;
  if (!given || given.id === undefined || given.id === '') return undefined;
  const product: Loose = { id: String(given.id).slice(0, 128) };
  for (const name of ['name', 'category', 'price', 'currency']) {
    const text = String(given[name] ?? '').slice(0, 256);
    // A price in words or with a comma would cost the whole event, so it stays behind.
    if (text && (RULES[name] || /./).test(text)) product[name] = text;
  }
  if (Number(given.quantity) > 0) product.quantity = Math.round(Number(given.quantity));
  return product as unknown as Product;
}

const RULES: Record<string, RegExp> = { price: /^\d{1,12}(\.\d{1,6})?$/, currency: /^[A-Z]{3}$/ };

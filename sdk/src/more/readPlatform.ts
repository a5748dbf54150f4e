import type { Product } from '../lib/types';
import type { Help } from './contract';

type Loose = Record<string, unknown>;

/** What one kind of shop says about the page's product; nothing where it is another kind. */
type Adapter = () => Loose | null | undefined;

export const text = (selector: string, within: ParentNode) =>
  within.querySelector(selector)?.textContent?.trim();
const meta = (name: string) =>
  document.querySelector<HTMLMetaElement>(`meta[property="${name}"]`)?.content;
/** The number in a price as a shop writes it, such as `€1.299,00` or `$19.90`. */
export const amount = (written: string | null | undefined) => {
  const found = /\d[\d.,\s]*/.exec(written ?? '')?.[0].replace(/\s/g, '') ?? '';
  const [, whole = '', cents = ''] = /^(.*?)(?:[.,](\d{1,2}))?[.,]?$/.exec(found) ?? [];
  return whole.replace(/\D/g, '') + (cents && '.' + cents);
};

const shopify: Adapter = () => {
  const page = window as { ShopifyAnalytics?: { meta?: Loose } };
  const { product, currency } = page.ShopifyAnalytics?.meta ?? {};
  const { id, type, variants } = (product as Loose | undefined) ?? {};
  const [first] = (variants as Loose[] | undefined) ?? [];
  if (!id) return null;
  const price = (Number(first?.price) / 100).toFixed(2);
  return { id, name: first?.name, category: type, price, currency };
};

const microdata: Adapter = () => {
  const items = document.querySelectorAll('[itemtype$="schema.org/Product"]');
  // Several products make a listing, not a product page.
  if (items.length !== 1) return null;
  const value = (name: string) => {
    const element = items[0]!.querySelector(`[itemprop="${name}"]`);
    return element?.getAttribute('content') ?? element?.textContent?.trim();
  };
  const id = value('sku') || value('productID') || location.pathname;
  const price = amount(value('price'));
  return { id, name: value('name'), price, currency: value('priceCurrency') };
};

const openGraph: Adapter = () =>
  /product/.test(meta('og:type') ?? '')
    ? {
        id: meta('product:retailer_item_id') || location.pathname,
        name: meta('og:title'),
        price: amount(meta('product:price:amount')),
        currency: meta('product:price:currency'),
      }
    : null;

/** django-oscar says nothing for machines, but its form names the product. */
const oscar: Adapter = () => {
  const form = document.querySelector('form[action*="/basket/add/"]');
  const id = /\/basket\/add\/(\d+)/.exec(form?.getAttribute('action') ?? '')?.[1];
  const main = document.querySelector('.product_page,.product_main');
  if (!id || !main) return null;
  return { id, name: text('h1', main), price: amount(text('.price_color', main)) };
};

const ADAPTERS: Adapter[] = [shopify, microdata, openGraph, oscar];

/** The page's product from the first adapter that knows the shop. */
export function readPlatform({ tidyProduct }: Help): Product | undefined {
  for (const read of ADAPTERS) {
    const found = read();
    if (found) return tidyProduct(found);
  }
  return undefined;
}

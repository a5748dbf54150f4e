import type { EventFields, Product } from '../lib/types';
import type { Help } from './contract';
import { readPlatform } from './readPlatform';

/** Addresses under which shop systems add to a cart; the shop may name its own. */
const ADDS = /\/cart\/(add(\.js)?\b|mine\/items$|items?$)|\/basket\/add\b|add[-_]to[-_]cart/;
const REMOVES = /\/cart\/(change|remove|clear)(\.js)?\b|wc-ajax=remove_from_cart/;
const TOGETHER_MS = 1_500;
const LAYERED: Record<string, string> = {
  add_to_cart: 'add_to_cart',
  remove_from_cart: 'remove_from_cart',
  view_cart: 'cart_view',
  begin_checkout: 'checkout_start',
  purchase: 'purchase',
  add_to_wishlist: 'wishlist_add',
};
type Loose = Record<string, unknown>;

/**
 * Cart changes by what was seen to happen, never by a click that might do nothing: a form that
 * really left for the cart, an answer of the cart's interface that is a success, an entry of the
 * data layer. Two of them within 1.5 s about one thing are one change.
 */
export function watchEffects(help: Help) {
  const { tracker, config, readProduct } = help;
  const readPageProduct = () => help.readPageProduct() || readPlatform(help);
  if (config.effects === false) return;
  const adds = config.cart ? new RegExp(config.cart) : ADDS;
  let told = '';
  let told_id: string | undefined;
  let told_ms = 0;

  function tell(type: string, fields: EventFields, t0_ms?: number) {
    if (repeats(type, fields.product)) return;
    remember(type, fields.product);
    tracker.track(type, fields, t0_ms === undefined ? {} : { t0_ms });
  }
  function repeats(type: string, product: Product | undefined) {
    const same = !product || !told_id || product.id === told_id;
    return type === told && same && performance.now() - told_ms < TOGETHER_MS;
  }
  function remember(type: string, product: Product | undefined) {
    [told, told_id, told_ms] = [type, product?.id, performance.now()];
  }
  const kind = (url: string) =>
    adds.test(url) ? 'add_to_cart' : REMOVES.test(url) ? 'remove_from_cart' : '';
  const about = (product: Product | undefined): EventFields => (product ? { product } : {});

  // Declared events speak for themselves; the core has sent them already.
  tracker.onEvent(({ type, product }) => {
    if (type === 'add_to_cart' || type === 'remove_from_cart') remember(type, product);
  });
  addEventListener('submit', (event) => {
    const form = event.target as HTMLFormElement;
    // At the window, after the shop's own handlers: what they stopped did not leave.
    const action = form.getAttribute('action') || location.href;
    const type = event.defaultPrevented ? '' : kind(action);
    if (!type || form.dataset.kairosEvent) return;
    tell(type, about(readProduct(form) || readPageProduct()), help.domTime(event));
  });
  watchAnswers((url, method) => {
    const type = method === 'GET' && !/wc-ajax/.test(url) ? '' : kind(url);
    if (type) tell(type, about(readPageProduct()));
  });
  watchLayer((entry) => layered(help, entry, tell));
}

/** Calls back for each answer between 200 and 299 to a request of the page. */
function watchAnswers(heard: (url: string, method: string) => void) {
  const { fetch: asked } = window;
  window.fetch = function (this: unknown, ...given: Parameters<typeof fetch>) {
    const answered = asked.apply(this as Window, given);
    const [target, init] = given;
    const request = target instanceof Request ? target : null;
    const url = request?.url ?? String(target);
    const method = (init?.method ?? request?.method ?? 'GET').toUpperCase();
    answered.then(
      ({ ok }) => ok && heard(url, method),
      () => undefined,
    );
    return answered;
  };
  const { open } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (
    this: XMLHttpRequest,
    ...given: Parameters<XMLHttpRequest['open']>
  ) {
    const [method, url] = given;
    this.addEventListener('load', () => {
      if (this.status >= 200 && this.status < 300) heard(String(url), method.toUpperCase());
    });
    return open.apply(this, given);
  } as XMLHttpRequest['open'];
}

/** Every entry of the data layer, those before us included. */
function watchLayer(heard: (entry: Loose) => void) {
  const page = window as unknown as { dataLayer?: unknown[] };
  const layer = (page.dataLayer ||= []);
  const seen = (entry: unknown) => {
    const list = entry as unknown[];
    // gtag() pushes its arguments, a tag manager objects.
    const loose = list?.[0] === 'event' ? { event: list[1], ecommerce: list[2] } : entry;
    if (loose && typeof loose === 'object') heard(loose as Loose);
  };
  layer.forEach(seen);
  const { push } = layer;
  layer.push = (...entries: unknown[]) => {
    const length = push.apply(layer, entries);
    entries.forEach(seen);
    return length;
  };
}

function layered(
  help: Help,
  entry: Loose,
  tell: (type: string, fields: EventFields) => void,
) {
  const type = LAYERED[String(entry.event)];
  if (!type) return;
  const ecommerce = entry.ecommerce as Loose | undefined;
  const item = (ecommerce?.items as Loose[] | undefined)?.[0];
  const product = help.tidyProduct(
    item && {
      ...item,
      id: item.item_id ?? item.item_name,
      name: item.item_name,
      category: item.item_category,
      currency: ecommerce?.currency ?? item.currency,
    },
  );
  const value = ecommerce?.value;
  const order = ecommerce?.transaction_id;
  tell(type, {
    ...(product ? { product } : {}),
    ...(value === undefined ? {} : { value: Number(value).toFixed(2) }),
    ...(order ? { properties: { order_id: String(order) } } : {}),
  });
}

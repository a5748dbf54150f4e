import type { Tracker } from '../lib/createTracker';
import { readProduct } from './readPage';
import { domTime } from './watchClicks';

const HOVER_MS = 300;

/** A mouse resting on a product for 300 ms, told once a product and page view. */
export function watchHover(tracker: Tracker): { reset(): void } {
  const told = new Set<string>();
  let timer = 0;
  let over: Element | null = null;
  addEventListener(
    'pointerover',
    (event) => {
      const target = event.target instanceof Element ? event.target : null;
      const card = target?.closest('[data-kairos-product]:not([data-kairos-view])') ?? null;
      if (card === over) return;
      clearTimeout(timer);
      over = card;
      if (!card || event.pointerType !== 'mouse') return;
      timer = setTimeout(() => {
        const product = readProduct(card);
        if (!product || told.has(product.id)) return;
        told.add(product.id);
        tracker.track('hover', { product }, { t0_ms: domTime(event) });
      }, HOVER_MS) as unknown as number;
    },
    { passive: true, capture: true },
  );
  return { reset: () => told.clear() };
}

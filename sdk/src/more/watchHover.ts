import type { Help } from './contract';

const HOVER_MS = 300;

/** What a hover is about: a product's card, or an element the shop tracks. */
const WATCHED = '[data-kairos-product]:not([data-kairos-view]),[data-track]';

/** A mouse resting for 300 ms on a product or a tracked element, told once each and page view. */
export function watchHover({ tracker, readProduct, domTime }: Help): { reset(): void } {
  const told = new Set<string>();
  let timer = 0;
  let over: Element | null = null;
  addEventListener(
    'pointerover',
    (event) => {
      const target = event.target instanceof Element ? event.target : null;
      const card = target?.closest<HTMLElement>(WATCHED) ?? null;
      if (card === over) return;
      clearTimeout(timer);
      over = card;
      if (!card || event.pointerType !== 'mouse') return;
      timer = setTimeout(() => {
        const product = readProduct(card);
        const { track } = card.dataset;
        const name = track ? 'track ' + track : product?.id;
        if (!name || told.has(name)) return;
        told.add(name);
        const fields = {
          ...(product ? { product } : {}),
          ...(track ? { properties: { target: track } } : {}),
        };
        tracker.track('hover', fields, { t0_ms: domTime(event) });
      }, HOVER_MS) as unknown as number;
    },
    { passive: true, capture: true },
  );
  return { reset: () => told.clear() };
}

import type { EventFields } from '../lib/types';
import { amount, text } from './readPlatform';

/**
 * How far a page of django-oscar is in buying, by its address; the shop says nothing for machines.
 * A page loaded again or gone back to is no further step.
 */
export function readStage(tell: (type: string, fields?: EventFields) => void) {
  if (!(window as { oscar?: unknown }).oscar) return;
  const [entry] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
  if (entry?.type !== 'navigate') return;
  const { pathname } = location;
  if (/\/basket\/$/.test(pathname)) return tell('cart_view');
  if (!/\/checkout\//.test(pathname)) return;
  if (!/\/thank-you\/$/.test(pathname))
    return tell(/\/checkout\//.test(document.referrer) ? 'checkout_step' : 'checkout_start');
  const order = text('.lead strong', document);
  const value = amount(text('#basket_totals .price_color', document));
  tell('purchase', {
    ...(value ? { value } : {}),
    ...(order ? { properties: { order_id: order } } : {}),
  });
}

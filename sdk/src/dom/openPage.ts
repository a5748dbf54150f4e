import type { Tracker } from '../lib/tracker';
import { readPageProduct, readSource } from './readPage';
import { declaredFields } from './watchClicks';

const INTERACTIVE = 'button,a,input,form,[role=button]';

/** One page view: the view itself, its product, and what the page declares; all in one batch. */
export function openPage(tracker: Tracker, t0_ms: number, automated: boolean) {
  const how = { t0_ms, hold: true };
  const source = readSource();
  tracker.track(
    'page_view',
    { ...(source ? { source } : {}), ...(automated ? { properties: { automated } } : {}) },
    how,
  );
  const product = readPageProduct();
  if (product) tracker.track('product_view', { product }, how);
  for (const element of document.querySelectorAll<HTMLElement>('[data-kairos-event]'))
    if (!element.matches(INTERACTIVE))
      tracker.track(element.dataset.kairosEvent!, declaredFields(element), how);
  tracker.flush();
}

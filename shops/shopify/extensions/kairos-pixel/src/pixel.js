// What a checkout says of itself, in the JSON of POST /v1/events. An order has the identity of its
// webhook, so whichever comes first counts and the other is a duplicate.

const STEPS = {
  checkout_started: 'checkout_start',
  checkout_contact_info_submitted: 'checkout_step',
  checkout_address_info_submitted: 'checkout_step',
  checkout_shipping_info_submitted: 'checkout_step',
  payment_info_submitted: 'checkout_step',
};
export const NAMES = [...Object.keys(STEPS), 'checkout_completed'];

const bare = (id) => String(id).split('/').pop().split('?')[0];

/** The batch for one event of Shopify's, or null where the visitor has no token. */
export function batchOf(event, site, stored) {
  const { token, consent } = JSON.parse(stored || '{}');
  if (!token) return null;
  const { checkout } = event.data;
  const ts = Date.parse(event.timestamp);
  const order = event.name === 'checkout_completed' ? bare(checkout.order.id) : null;
  const value = checkout.totalPrice && Number(checkout.totalPrice.amount).toFixed(2);
  const common = { ts, ...(value ? { value } : {}) };
  return {
    site,
    visitor_token: token,
    session_id: 'shopify',
    tab_id: order ? `order-${order}` : `pixel-${bare(checkout.token)}`.slice(0, 64),
    ...(consent ? { consent } : {}),
    events: [
      order
        ? {
            event_id: `shopify-order-${order}`,
            session_index: 0,
            type: 'purchase',
            ...common,
            properties: { order_id: order, lines: checkout.lineItems.length },
          }
        : {
            event_id: `shopify-pixel-${event.id}`.slice(0, 64),
            session_index: Math.floor(ts / 1000) % 2 ** 31,
            type: STEPS[event.name],
            ...common,
          },
    ],
  };
}

/** Wire types of the public interface: what is posted, what is pushed. */

export interface Consent {
  analytics?: boolean;
  personalization?: boolean;
  marketing?: boolean;
}

export interface Page {
  url: string;
  path: string;
  type?: string;
  title?: string;
}

export interface Product {
  id: string;
  name?: string;
  category?: string;
  /** Decimal string in the site's currency. */
  price?: string;
  currency?: string;
  quantity?: number;
}

export interface Source {
  referrer?: string;
  utm_source?: string;
  utm_medium?: string;
  utm_campaign?: string;
}

export interface Vectors {
  /** Deepest scroll of the page, 0 to 1. */
  scroll_depth?: number;
  /** Median milliseconds between taps. */
  tap_velocity_ms?: number;
  /** Visible, focused, non-idle seconds on the page. */
  active_duration_s?: number;
}

export type Properties = Record<string, string | number | boolean>;

/** What a caller may say about an event; the tracker adds id, index and time. */
export interface EventFields {
  page?: Page;
  product?: Product;
  source?: Source;
  vectors?: Vectors;
  /** Order or cart value, decimal string. */
  value?: string;
  slot_id?: string;
  decision_id?: string;
  source_shown?: string;
  painted_at_ms?: number;
  identity_ref?: string;
  properties?: Properties;
}

export interface KairosEvent extends EventFields {
  event_id: string;
  session_index: number;
  type: string;
  /** Client clock, epoch milliseconds. */
  ts: number;
}

export interface RenderProduct {
  id: string;
  title: string;
  url?: string;
  image?: string;
  price?: string;
  reason?: string;
}

export interface Render {
  kind: string;
  title?: string;
  body?: string;
  cta?: { label?: string; url?: string } | null;
  code?: string | null;
  countdown_s?: number | null;
  products?: RenderProduct[];
}

export interface Decision {
  type: 'decision';
  slot_id: string;
  decision_id: string;
  seq?: number;
  placement?: string;
  class?: string;
  source: string;
  /** Counted from arrival: the visitor's clock may be a day off. */
  ttl_ms: number;
  campaign_id?: string;
  action_type: string;
  render?: Render | null;
  /** Event that asked for this decision, where the gateway says it. */
  event_id?: string;
  [extra: string]: unknown;
}

/** One decision's way through the client; epoch milliseconds of the page's clock. */
export interface Timing {
  slot_id: string;
  event_id: string;
  event_type: string;
  /** The DOM event itself; for a page view the first line of the SDK. */
  t0_ms: number;
  /** Hand-over of the batch to the network. */
  sent_ms: number;
  received_ms: number;
  /** First frame after insertion was produced. */
  painted_ms: number;
}

export interface Counts {
  tracked: number;
  acked: number;
  duplicates: number;
  rejected: number;
  /** Given to a beacon, which answers nothing. */
  beaconed: number;
  dropped: number;
}

import type { Admitted } from '../lib/admitDecision';
import type { Tracker } from '../lib/createTracker';
import type { Drawn, Presenter, PresenterOptions } from './contract';
import { drawAction } from './drawAction';
import { safeUrl } from './safeUrl';
import { TEXTS } from './texts';
import { whenPainted } from './whenPainted';

const KEPT_TIMINGS = 200;
const KINDS = ['modal', 'banner', 'inline'];
const TYPING =
  'input:not([type=button]):not([type=submit]),textarea,select,[contenteditable=true]';

/** Shows one overlay at a time, never while somebody types, and reports what became of it. */
export function createPresenter(tracker: Tracker, options: PresenterOptions): Presenter {
  const texts = { ...TEXTS, ...options.texts };
  const waiting: Admitted[] = [];
  const drawn = new Map<string, Drawn>();
  const occupants = new Map<Element | null, string>();

  function present(admitted: Admitted) {
    const { render } = admitted.decision;
    if (!render || !KINDS.includes(render.kind)) return;
    waiting.push(admitted);
    pump();
  }

  function pump() {
    for (const admitted of waiting.slice()) {
      const { slot_id } = admitted.decision;
      const gone = tracker.gate.expired(admitted) || tracker.gate.cancelled(slot_id);
      if (!gone && !mayShow(admitted)) continue;
      waiting.splice(waiting.indexOf(admitted), 1);
      if (!gone) show(admitted);
    }
  }

  function mayShow({ decision }: Admitted): boolean {
    const { kind } = decision.render!;
    if (kind === 'inline') return !!containerOf(decision.placement);
    if (document.querySelector('[data-kairos-nodecide]') || occupants.has(null)) return false;
    return kind !== 'modal' || !document.activeElement?.matches(TYPING);
  }

  function show(admitted: Admitted) {
    const { decision } = admitted;
    const { slot_id, decision_id, source } = decision;
    const inline = decision.render!.kind === 'inline';
    const container = inline ? containerOf(decision.placement) : null;
    const outcome = { slot_id, decision_id, source_shown: source };
    // A newer action replaces what its container showed; an overlay has waited for its turn.
    const former = occupants.get(container);
    if (former) withdraw(former);
    const surface = drawAction({
      decision,
      container,
      texts,
      link: (url) => safeUrl(url, location.href, options.links),
      onClick: (target, t0_ms) =>
        void tracker.track('action_click', { ...outcome, properties: { target } }, { t0_ms }),
      onIdentity: (email) => void capture(tracker, email, outcome),
      onClose(byVisitor) {
        if (byVisitor) tracker.track('dismiss', outcome);
        clear(slot_id);
      },
    });
    drawn.set(slot_id, surface);
    occupants.set(container, slot_id);
    whenPainted((painted_ms) => {
      if (!drawn.has(slot_id)) return;
      tracker.gate.shown(slot_id);
      const painted_at_ms = Math.round(painted_ms);
      const { campaign_id = '', action_type } = decision;
      const properties = { campaign_id, action_type };
      tracker.track('impression', { ...outcome, painted_at_ms, properties });
      const detail = tracker.timing(admitted, painted_ms);
      if (options.timeline.push(detail) > KEPT_TIMINGS) options.timeline.shift();
      document.dispatchEvent(new CustomEvent('kairos:painted', { detail }));
    });
  }

  function clear(slot_id: string) {
    drawn.delete(slot_id);
    for (const [container, occupant] of occupants)
      if (occupant === slot_id) occupants.delete(container);
    if (waiting.length) pump();
  }

  function withdraw(slot_id: string) {
    drawn.get(slot_id)?.remove();
    clear(slot_id);
  }

  addEventListener('focusout', () => waiting.length && setTimeout(pump, 0));
  return { present, withdraw };
}

function containerOf(placement: string | undefined): Element | null {
  const named = placement && `[data-kairos-slot="${CSS.escape(placement)}"]`;
  return (named && document.querySelector(named)) || document.querySelector('[data-kairos-slot]');
}

/** Hands the address to the shop; the log gets a digest only, never the address. */
async function capture(tracker: Tracker, email: string, outcome: { slot_id: string }) {
  const address = email.trim().toLowerCase();
  const detail = { email: address, slot_id: outcome.slot_id };
  document.dispatchEvent(new CustomEvent('kairos:identity', { detail }));
  const digest = await crypto.subtle?.digest('SHA-256', new TextEncoder().encode(address));
  const hex = Array.from(new Uint8Array(digest ?? []), (b) => b.toString(16).padStart(2, '0'));
  tracker.track('identify', { ...outcome, ...(digest ? { identity_ref: hex.join('') } : {}) });
}

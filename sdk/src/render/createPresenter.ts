import type { Admitted } from '../lib/admitDecision';
import type { Tracker } from '../lib/tracker';
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
    if (!admitted.decision.render) return;
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
    const onClick = (target: string, t0_ms?: number) =>
      tracker.track(
        'action_click',
        { ...outcome, properties: { target } },
        t0_ms ? { t0_ms } : {},
      );
    const onClose = (byVisitor: boolean) => {
      if (byVisitor) tracker.track('dismiss', outcome);
      clear(slot_id);
    };
    let told = false;
    const seen = (painted_ms: number) => {
      if (told || !drawn.has(slot_id)) return;
      told = true;
      tracker.gate.shown(slot_id);
      const painted_at_ms = Math.round(painted_ms);
      const { campaign_id = '', action_type } = decision;
      const properties = { campaign_id, action_type };
      tracker.track('impression', { ...outcome, painted_at_ms, properties });
      const detail = tracker.timing(admitted, painted_ms);
      if (options.timeline.push(detail) > KEPT_TIMINGS) options.timeline.shift();
      document.dispatchEvent(new CustomEvent('kairos:painted', { detail }));
    };
    const remove = options.own(decision, {
      shown: () => whenPainted(seen),
      clicked: onClick,
      dismissed() {
        drawn.get(slot_id)?.remove();
        onClose(true);
      },
    });
    if (!remove && !KINDS.includes(decision.render!.kind)) return;
    const surface = remove
      ? { remove }
      : drawAction({
          decision,
          container,
          texts,
          link: (url) => safeUrl(url, location.href, options.links),
          onClick,
          onIdentity: (email) => void capture(tracker, email, outcome),
          onClose,
        });
    drawn.set(slot_id, surface);
    occupants.set(container, slot_id);
    if (!remove) whenPainted(seen);
  }

  function clear(slot_id: string) {
    drawn.delete(slot_id);
    for (const [container, occupant] of occupants)
      if (occupant === slot_id) occupants.delete(container);
    if (waiting.length) pump();
  }

  /** Takes one action away; an empty slot means all, and nothing of what waits is shown. */
  function withdraw(slot_id: string) {
    if (!slot_id) waiting.length = 0;
    for (const slot of slot_id ? [slot_id] : drawn.keys()) {
      drawn.get(slot)?.remove();
      clear(slot);
    }
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

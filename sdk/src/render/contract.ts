import type { Admitted } from '../lib/admitDecision';
import type { Tracker } from '../lib/tracker';
import type { Decision, Timing } from '../lib/types';

/** What the renderer tells the core; the core turns it into outcome events. */
export interface Surface {
  decision: Decision;
  /** Container the shop reserved, for kind inline. */
  container: Element | null;
  texts: Texts;
  /** Link that may be followed, or null. */
  link(url: string | null | undefined): string | null;
  onClick(target: string, time_ms: number): void;
  onIdentity(email: string): void;
  /** Closed by the visitor, or ended by itself. */
  onClose(byVisitor: boolean): void;
}

export interface Drawn {
  remove(): void;
}

export interface PresenterOptions {
  texts: Partial<Texts> | undefined;
  links: readonly string[];
  /** Newest last, bounded; the page reads it as kairos.debug.timeline. */
  timeline: Timing[];
  own: Own;
}

/** What a component of the shop's own tells; each call becomes an outcome. */
export interface Report {
  /** It is on screen: the impression, once. */
  shown(): void;
  clicked(target: string): void;
  /** Closed by the visitor. */
  dismissed(): void;
}

/** Draws an action itself and returns how to take it away, or nothing to leave it to kairos. */
export type Own = (decision: Decision, report: Report) => (() => void) | null | undefined | void;

export interface Presenter {
  present(admitted: Admitted): void;
  withdraw(slot_id: string): void;
}

export type Renderer = (tracker: Tracker, options: PresenterOptions) => Presenter;

export interface Texts {
  close: string;
  copy: string;
  copied: string;
  email: string;
  thanks: string;
  ends: string;
  next: string;
  previous: string;
  region: string;
}

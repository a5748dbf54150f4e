import { useEffect, useState } from 'react';
import { render } from '@kairos/sdk';
import type { Decision, Report } from '@kairos/sdk';

export interface Action {
  decision: Decision;
  report: Report;
}

/**
 * The action of one placement for a component of your own, or null while there is none. The
 * impression is reported once the component is on screen; clicks and dismissals are yours to tell.
 */
export function useAction(placement: string): Action | null {
  const [action, setAction] = useState<Action | null>(null);
  useEffect(
    () =>
      render((decision, report) => {
        if (decision.placement !== placement) return undefined;
        setAction({ decision, report });
        return () => setAction(null);
      }),
    [placement],
  );
  useEffect(() => action?.report.shown(), [action]);
  return action;
}

/** How it is used. */
export function OfferLine() {
  const action = useAction('page');
  if (!action) return null;
  const { render: drawn } = action.decision;
  return (
    <aside className="offer" aria-label="Offer">
      <strong>{drawn?.title}</strong> <span>{drawn?.body}</span>
      <button onClick={() => action.report.clicked('offer')}>{drawn?.cta?.label}</button>
      <button onClick={() => action.report.dismissed()}>No, thanks</button>
    </aside>
  );
}

import type { Config } from '../dom/readConfig';
import type { Tracker } from '../lib/tracker';

/** Opens the overlay or, with a configuration, shows the previewed campaign. */
export type Debugged = (tracker: Tracker, config?: Config) => void;

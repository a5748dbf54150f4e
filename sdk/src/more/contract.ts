import type { Tracker } from '../lib/tracker';
import type { Page, Product, Vectors } from '../lib/types';
import type { Config } from '../dom/readConfig';

/** What the core lends to the second file, so that nothing is there twice. */
export interface Help {
  tracker: Tracker;
  config: Config;
  /** Reports a page view whose cause was at this time. */
  showPage(t0_ms: number): void;
  readPage(titled: boolean): Page;
  domTime(event: Event): number;
  readProduct(element: Element | null): Product | undefined;
  readPageProduct(): Product | undefined;
  tidyProduct(loose: unknown): Product | undefined;
}

export interface More {
  /** Figures of the page view so far. */
  vectors(): Vectors;
  /** Another page view began. */
  reset(): void;
}

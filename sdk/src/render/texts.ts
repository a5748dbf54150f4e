import type { Texts } from './contract';

/** Controls in English; a shop passes its own language to init. */
export const TEXTS: Texts = {
  close: 'Close',
  copy: 'Copy',
  copied: 'Copied',
  email: 'Email address',
  thanks: 'Thank you. Check your inbox.',
  ends: 'Ends in',
  next: 'Next',
  previous: 'Previous',
  region: 'Offer',
};

/** Imported first: when the SDK's first line ran, epoch ms on the page's clock. */
export const FIRST_LINE_MS = performance.timeOrigin + performance.now();

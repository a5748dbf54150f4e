import type { Own } from '../../src/index';

/** The module's `render`, as the script tag's global has it. */
export const render = (component: Own) =>
  (window as unknown as { kairos: { render(component: Own): () => void } }).kairos.render(
    component,
  );

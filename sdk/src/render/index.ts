import type { Renderer } from './contract';
import { createPresenter } from './presentDecision';

(window as unknown as { kairosRender: Renderer }).kairosRender = createPresenter;

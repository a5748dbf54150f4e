import type { Renderer } from './contract';
import { createPresenter } from './createPresenter';

(window as unknown as { kairosRender: Renderer }).kairosRender = createPresenter;

import type { Help, More } from './contract';
import { measurePage } from './measurePage';
import { readPlatform } from './readPlatform';
import { readStage } from './readStage';
import { shareTabs } from './shareTabs';
import { watchEffects } from './watchEffects';
import { watchExit } from './watchExit';
import { watchHover } from './watchHover';
import { watchRage } from './watchRage';
import { watchRoutes } from './watchRoutes';

/** What a page watches after its first view has left; loaded then. */
function watchMore(help: Help): More {
  const { tracker, readPage, readPageProduct } = help;
  const meter = measurePage(
    (t0_ms) => tracker.track('scroll', {}, { t0_ms }),
    () => tracker.track('pause'),
  );
  const hover = watchHover(help);
  const exit = watchExit(help);
  const reset = () => {
    meter.reset();
    hover.reset();
    exit.reset();
  };
  // Where neither data attributes nor JSON-LD told the core, an adapter may know the product.
  const viewed = () => {
    const product = readPageProduct() ? undefined : readPlatform(help);
    if (product) tracker.track('product_view', { product });
  };
  watchRage(help);
  watchEffects(help);
  shareTabs(help);
  let former = readPage(false);
  watchRoutes((t0_ms) => {
    // The old view's last figures belong to its own address; then all timers start from zero.
    tracker.track('scroll', { page: former }, { hold: true });
    reset();
    former = readPage(false);
    // One task later, so that the application has drawn what the page is about.
    setTimeout(() => {
      reset();
      help.showPage(t0_ms);
      viewed();
    }, 0);
  });
  viewed();
  readStage(tracker.track);
  return { vectors: meter.vectors, reset };
}

(window as unknown as { kairosMore: typeof watchMore }).kairosMore = watchMore;

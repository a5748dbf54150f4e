/** Builds dist/ and fails when a bundle is larger than promised. Sizes are gzip level 9. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, transform } from 'esbuild';

const KIB = 1024;
/** The core is loaded first; the others come behind the first events, or only when asked for. */
const LIMITS = {
  'kairos.js': 8 * KIB,
  'kairos-render.js': 6 * KIB,
  'kairos-more.js': 4 * KIB,
  'kairos-debug.js': 4 * KIB,
};

/** Names of the core's own objects; never one of the wire, of storage or of the DOM. */
const INTERNAL = new RegExp(
  '^(' +
    'landed|lasting|mark|place|release|move|post|start|drop|wait|save|cancel|' +
    'begins|peek|restart|learn|refuse|forget|choose|onToken|onSent|onState|' +
    'onRefused|onCancel|onAdmitted|onIdentity|failures|admit|expired|cancelled|' +
    'unload|resume|timing|expires_ms|retry_after_s|connect|online|hold|local|hex|later|beacon|' +
    'enqueue|withdraw|byVisitor|gate|common|draw|decisionListeners|present|opted_out|' +
    'hangUp|onChange|follow|adopt|look|knows|settle|onNone|verdict|failures|shut|live|' +
    'readPageProduct|readProduct|tidyProduct|domTime|onClick|onClose|onIdentity|container|' +
    'showPage|readPage|lastAsking|quiet_ms|current|withTracker|recent|waiting' +
    ')$',
);

const minifiedCss = {
  name: 'minified-css',
  setup(bundler) {
    bundler.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const css = readFileSync(path, 'utf8');
      const { code } = await transform(css, { loader: 'css', minify: true, target: 'chrome120' });
      return { contents: code.trim(), loader: 'text' };
    });
  },
};

const shared = {
  bundle: true,
  minify: true,
  target: 'es2022',
  legalComments: 'none',
  plugins: [minifiedCss],
  mangleProps: INTERNAL,
};

// Built aside and moved in: a gateway that serves dist/ never sees half a build.
const out = mkdtempSync('node_modules/.build-');
process.on('exit', () => rmSync(out, { recursive: true, force: true }));

// The files speak to each other, so they share one table of shortened names.
let names = {};
async function bundle(entry, name, format = 'iife') {
  const outfile = join(out, name);
  const options = { ...shared, entryPoints: [entry], outfile, format, mangleCache: names };
  names = (await build(options)).mangleCache;
}
await bundle('src/render/index.ts', 'kairos-render.js');
await bundle('src/more/index.ts', 'kairos-more.js');
await bundle('src/debug/index.ts', 'kairos-debug.js');
await bundle('src/global.ts', 'kairos.js');
await bundle('src/index.ts', 'kairos.mjs', 'esm');
execFileSync(process.execPath, [
  'node_modules/typescript/bin/tsc',
  ...['-p', 'tsconfig.json', '--emitDeclarationOnly', '--outDir', join(out, 'types')],
]);

let failed = false;
for (const [name, limit] of Object.entries(LIMITS)) {
  const size = gzipSync(readFileSync(join(out, name)), { level: 9 }).length;
  const verdict = size <= limit ? 'ok' : 'TOO LARGE';
  failed ||= size > limit;
  console.log(`${name}: ${size} bytes gzipped of ${limit} allowed: ${verdict}`);
}
if (failed) process.exit(1);

mkdirSync('dist', { recursive: true });
for (const name of [...Object.keys(LIMITS), 'kairos.mjs'])
  renameSync(join(out, name), join('dist', name));
cpSync(join(out, 'types'), 'dist/types', { recursive: true });

/** Builds dist/ and fails when a bundle is larger than promised. Sizes are gzip level 9. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const KIB = 1024;
const LIMITS = { 'kairos.js': 8 * KIB, 'kairos-render.js': 6 * KIB };

const shared = { bundle: true, minify: true, target: 'es2022', legalComments: 'none' };

rmSync('dist', { recursive: true, force: true });
await Promise.all([
  build({ ...shared, entryPoints: ['src/index.ts'], format: 'iife', globalName: 'kairos', outfile: 'dist/kairos.js' }),
  build({ ...shared, entryPoints: ['src/index.ts'], format: 'esm', outfile: 'dist/kairos.mjs' }),
  build({ ...shared, entryPoints: ['src/render/index.ts'], format: 'iife', globalName: 'kairosRender', outfile: 'dist/kairos-render.js' }),
]);
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', '--emitDeclarationOnly']);

let failed = false;
for (const [name, limit] of Object.entries(LIMITS)) {
  const size = gzipSync(readFileSync(`dist/${name}`), { level: 9 }).length;
  const verdict = size <= limit ? 'ok' : 'TOO LARGE';
  failed ||= size > limit;
  console.log(`${name}: ${size} bytes gzipped of ${limit} allowed: ${verdict}`);
}
process.exit(failed ? 1 : 0);

// What a first visit to the sign-in screen loads must stay small. Run after `npm run build`.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET_KIB = 75;
const dist = new URL('../dist/', import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'));

/** The scripts of a chunk and of everything that it imports statically. */
function scriptsOf(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const imported of manifest[key].imports ?? []) scriptsOf(imported, seen);
  return seen;
}

const first = new Set();
for (const key of ['index.html', 'src/screens/shell/Shell.svelte', 'src/screens/messages/Messages.svelte', 'src/screens/messages/thread/ThreadView.svelte']) {
  scriptsOf(key, first);
}
let bytes = 0;
for (const key of first) {
  const { file } = manifest[key];
  if (file.endsWith('.js')) bytes += gzipSync(readFileSync(join(dist, file))).length;
}
const languages = readdirSync(new URL('../src/lib/i18n/', import.meta.url)).filter((file) => /^[a-z]{2,3}\.ts$/.test(file) && file !== 'en.ts');
for (const key of languages.map((file) => `src/lib/i18n/${file}`)) {
  if (manifest[key]?.isDynamicEntry && !first.has(key)) continue;
  console.error(`${key} is no chunk of its own, so everybody loads it who reads another language.`);
  process.exit(1);
}
const html = readFileSync(join(dist, 'index.html'), 'utf8');
if (/<script(?![^>]*\bsrc=)/.test(html) || /<style|\sstyle=/.test(html)) {
  console.error('index.html carries an inline script or style, which the Content-Security-Policy forbids.');
  process.exit(1);
}
console.log(`first load with an open chat: ${(bytes / 1024).toFixed(1)} KiB of script (gzip), at most ${BUDGET_KIB}`);
process.exit(bytes / 1024 > BUDGET_KIB ? 1 : 0);

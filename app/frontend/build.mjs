/**
 * Build the browser side into app/wwwroot/bricks/dist: bundles with their content's hash in the
 * name, each also compressed, and bricks/manifest.json that says which name is the current one.
 *
 * Usage: node build.mjs   (called by build.sh)
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { dictionary } from './dictionaries.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const out = join(here, '..', 'wwwroot', 'bricks', 'dist');
/** @type {('zh'|'en')[]} */
const LANGUAGES = ['zh', 'en'];

/** Bundle scripts and styles. @returns {Promise<Record<string, string>>} plain name -> hashed name */
async function bundle() {
  /** @satisfies {import('esbuild').BuildOptions} */
  const common = {
    absWorkingDir: here, bundle: true, minify: true, outdir: out, entryNames: '[name]-[hash]', metafile: true,
    target: ['es2022'], logLevel: 'warning', legalComments: 'none', charset: 'utf8',
  };
  const scripts = await build({
    ...common, entryPoints: { bricks: 'src/main.js' }, format: 'esm', splitting: true, chunkNames: 'part-[hash]',
  });
  // In the head and before everything else, so no module: modules wait for the whole page.
  const early = await build({ ...common, entryPoints: { early: 'src/early.js' }, format: 'iife' });
  const styles = await build({ ...common, entryPoints: { bricks: 'src/style/index.css' } });
  return {
    'bricks.js': nameOf(scripts, 'src/main.js'),
    'early.js': nameOf(early, 'src/early.js'),
    'bricks.css': nameOf(styles, 'src/style/index.css'),
  };
}

/** @param {import('esbuild').BuildResult<{metafile: true}>} result @param {string} entryPoint */
function nameOf(result, entryPoint) {
  const output = Object.entries(result.metafile.outputs).find(([, { entryPoint: source }]) => source === entryPoint);
  if (!output) throw new Error(`${entryPoint}: nothing was built`);
  return basename(output[0]);
}

/** One dictionary a language, from the host's file and the modules'. */
function dictionaries() {
  return Object.fromEntries(LANGUAGES.map((language) => {
    const text = JSON.stringify(dictionary(root, language));
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 8).toUpperCase();
    const name = `i18n-${language}-${hash}.json`;
    writeFileSync(join(out, name), text);
    return [`i18n-${language}.json`, name];
  }));
}

function compress() {
  for (const name of readdirSync(out)) {
    if (!['.js', '.css', '.json'].includes(extname(name))) continue;
    const content = readFileSync(join(out, name));
    writeFileSync(join(out, `${name}.gz`), gzipSync(content, { level: 9 }));
    writeFileSync(join(out, `${name}.br`), brotliCompressSync(content, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
    }));
  }
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const names = { ...await bundle(), ...dictionaries() };
compress();
const manifest = Object.fromEntries(Object.entries(names).map(([name, file]) => [name, `dist/${file}`]));
writeFileSync(join(out, '..', 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
/** @param {string} name */
const kib = (name) => (readFileSync(join(out, `${name}.gz`)).length / 1024).toFixed(1);
console.log(`bricks: ${names['bricks.js']} ${kib(names['bricks.js'])} KiB, ${names['bricks.css']} ${kib(names['bricks.css'])} KiB (gzip)`);

/** Runs the programs in the folders that are named, one after another, in one process; what became of
 * them is printed as JSON. */

import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';

/** @param {string} folder */
async function run(folder) {
  process.chdir(folder);
  let stdout = '';
  const write = process.stdout.write;
  process.stdout.write = /** @type {typeof write} */ ((/** @type {unknown} */ text) => {
    stdout += String(text);
    return true;
  });
  try {
    await import(pathToFileURL(`${folder}/main.mjs`).href);
    return { stdout, stderr: '', returncode: 0 };
  } catch (error) {
    return { stdout, stderr: inspect(error), returncode: 1 };
  } finally {
    process.stdout.write = write;
  }
}

const outcomes = [];
for (const folder of process.argv.slice(2)) outcomes.push(await run(folder));
console.log(JSON.stringify(outcomes));

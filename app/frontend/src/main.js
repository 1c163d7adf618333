/** Start the application: read the page's description, build it, show it. */

import './inputs/index.js';
import './widgets/index.js';
import './widgets/tree.js';
import './tabular/index.js';
import './shell/index.js';
import './pages/later.js';
import { App } from './core/app.js';
import { holdCompositions } from './core/composition.js';
import { installGlobals } from './core/globals.js';
import { readPage, standsAlone } from './core/page.js';

/** @param {string} name */
const meta = (name) => /** @type {HTMLMetaElement|null} */ (document.querySelector(`meta[name="bricks-${name}"]`))?.content;

const page = readPage(document);
const shellUrl = meta('shell');

const app = new App({
  widget: page,
  login_url: meta('login-url') || undefined,
  language: undefined,
  i18nUrls: { zh: meta('i18n-zh'), en: meta('i18n-en') },
  allow_scripts: meta('scripts') === 'on',
});
installGlobals(app);
holdCompositions(window);
// A list that was opened by its own address is shown in the shell, where menu and sign-out are.
if (shellUrl && location.pathname !== shellUrl && !standsAlone(page)) {
  location.replace(`${shellUrl}#${location.pathname}${location.search}`);
} else {
  app.run();
}

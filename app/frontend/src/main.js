/** Starts the application: reads the page's description, builds it, shows it. */

import './inputs/index.js';
import './widgets/index.js';
import './widgets/tree.js';
import './tabular/index.js';
import './shell/index.js';
import { App } from './core/app.js';
import { installGlobals } from './core/globals.js';
import { readPage } from './core/page.js';

const meta = (name) => document.querySelector(`meta[name="bricks-${name}"]`)?.content;

const app = new App({
  widget: readPage(document),
  login_url: meta('login-url') || undefined,
  language: undefined,
  i18nUrls: { zh: meta('i18n-zh'), en: meta('i18n-en') },
  allow_scripts: meta('scripts') === 'on',
});
installGlobals(app);
app.run();

/** Run before the first paint, so that a dark page does not flash white. */

import { chosenTheme } from './shell/preferences.js';
import { preferredLanguage } from './core/i18n.js';

document.documentElement.dataset.theme = chosenTheme();
document.documentElement.lang = preferredLanguage() === 'zh' ? 'zh-CN' : 'en';

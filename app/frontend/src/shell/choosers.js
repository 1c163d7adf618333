/** The language and theme switches. */

import { h } from '../core/dom.js';
import { icon } from '../core/icons.js';
import { language, t } from '../core/i18n.js';
import { chosenTheme, THEMES, useTheme } from './preferences.js';

/** @type {Record<string, string>} */
const THEME_LABELS = { system: 'As the system', light: 'Light', dark: 'Dark' };
/** @type {Record<string, string>} */
const THEME_ICONS = { system: 'system', light: 'sun', dark: 'moon' };
const LANGUAGE_NAMES = { zh: '中文', en: 'English' };

/** A button that switches to the other language; it is written in that language. @param {App} app */
export function languageChooser(app) {
  const other = language() === 'zh' ? 'en' : 'zh';
  return h('button', {
    type: 'button', class: 'bar-button', lang: other, 'data-name': 'language', title: LANGUAGE_NAMES[other],
    on: { click: () => app.change_language(other) },
  }, icon('language'), h('span', {}, LANGUAGE_NAMES[other]));
}

/** A button that goes through the themes. */
export function themeChooser() {
  const button = h('button', { type: 'button', class: 'bar-button', 'data-name': 'theme' });
  const show = () => {
    const theme = chosenTheme();
    const label = `${t('Theme')}: ${t(THEME_LABELS[theme])}`;
    button.setAttribute('aria-label', label);
    button.title = label;
    button.replaceChildren(icon(THEME_ICONS[theme]));
  };
  button.addEventListener('click', () => {
    useTheme(THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length]);
    show();
  });
  show();
  return button;
}

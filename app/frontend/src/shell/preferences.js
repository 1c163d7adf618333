/** What a reader chose and the browser remembers: the theme. The language is in core/i18n.js. */

const THEME = 'pipeline.theme';
export const THEMES = ['system', 'light', 'dark'];

/** The chosen theme. */
export function chosenTheme() {
  try {
    const theme = localStorage.getItem(THEME);
    return theme && THEMES.includes(theme) ? theme : 'system';
  } catch {
    return 'system';
  }
}

/** Show a theme and remember it. @param {string} theme */
export function useTheme(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(THEME, theme);
  } catch {
    // without storage the choice lasts as long as the page
  }
}

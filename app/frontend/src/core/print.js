/** Documents of the server on paper. */

/**
 * Open a document and the browser's print dialog on it, which also keeps it as PDF.
 * @param {string} href
 * @returns {boolean} false where the browser opens no window by itself
 */
export function printDocument(href) {
  const page = window.open(href, '_blank');
  if (!page) return false;
  page.addEventListener('load', () => page.print());
  return true;
}

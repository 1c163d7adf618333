/** Copying text. */

/**
 * @param {string} text
 * @returns {Promise<boolean>} false where the browser does not let us (plain http, no permission)
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** Browsers hide the clipboard from pages over plain http; the old command still works there. @param {string} text */
function copyBySelection(text) {
  const area = document.createElement('textarea');
  area.value = text;
  const host = [...document.querySelectorAll('dialog:modal')].pop() ?? document.body;
  host.append(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  return isCopied;
}

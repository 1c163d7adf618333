// What the pages of the API can do beyond being read: search, samples in one language, trying a
// call.

import { element, origin, words } from './page.js';
import { setUpSearch } from './search.js';
import { offerTrials } from './trial.js';

// Samples: who has chosen a language sees it everywhere.

/** @param {string | undefined} language */
function chooseLanguage(language) {
  for (const details of document.querySelectorAll('.sample > details')) {
    /** @type {HTMLDetailsElement} */ (details).open = details.dataset.language === language;
  }
}

document.addEventListener('click', (event) => {
  const summary = origin(event)?.closest('.sample > details > summary');
  if (!summary) return;
  event.preventDefault();
  const before = summary.getBoundingClientRect().top;
  chooseLanguage(summary.parentElement?.dataset.language);
  // What is looked at stays where it is, though samples above it have grown or shrunk.
  window.scrollBy({ top: summary.getBoundingClientRect().top - before, behavior: 'instant' });
});

/**
 * Copies a text, and leaves it selected where the browser does not let a page copy: by plain http
 * there is no clipboard to write to.
 * @param {Element} pre
 */
async function copyText(pre) {
  try {
    await navigator.clipboard.writeText(pre.textContent ?? '');
    return true;
  } catch {
    getSelection()?.selectAllChildren(pre);
    return document.execCommand('copy');
  }
}

function offerCopying() {
  for (const pre of document.querySelectorAll('main pre')) {
    const button = element('button', { type: 'button', textContent: words.copy });
    button.addEventListener('click', async () => {
      if (!(await copyText(pre))) return;
      button.textContent = words.copied;
      setTimeout(() => { button.textContent = words.copy; }, 1500);
    });
    const frame = element('div', { className: 'copying' });
    pre.replaceWith(frame);
    frame.append(pre, button);
  }
}

/** Marks in the side bar what is read now. */
function followReading() {
  /** @type {Map<string, HTMLAnchorElement>} */
  const links = new Map();
  for (const link of document.querySelectorAll('nav a[href*="#"]')) {
    if (link instanceof HTMLAnchorElement) links.set(link.hash.slice(1), link);
  }
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute('aria-current');
      links.get(target.id)?.setAttribute('aria-current', 'true');
    }
  }, { rootMargin: '-20% 0px -75% 0px' });
  for (const section of document.querySelectorAll('main > section')) observer.observe(section);
}

document.querySelector('.tools')?.removeAttribute('hidden');
offerCopying();
setUpSearch();
offerTrials();
followReading();

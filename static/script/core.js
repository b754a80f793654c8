// Functions shared by the other files, and features of every page: theme, times,
// copying. Every page works without any of these files.
const wm = (() => {
  const $ = (css, from = document) => from.querySelector(css);
  const $$ = (css, from = document) => [...from.querySelectorAll(css)];
  // address returns an address of this server as the browser sees it; web.At does it in pages.
  const base = document.documentElement.dataset.base || '';
  const address = (path) => base + path;
  // Settings of the reader in this browser; pages work without them. A server of the
  // same host below another base path has its own.
  const get = (key) => { try { return JSON.parse(localStorage.getItem(base + key)); } catch { return null; } };
  const set = (key, value) => {
    try { value ? localStorage.setItem(base + key, JSON.stringify(value)) : localStorage.removeItem(base + key); } catch { /* private mode */ }
  };
  // say announces a text to screen readers, and with shown displays it as well.
  let gone;
  const say = (text, shown) => {
    const live = $('#live');
    live.textContent = text;
    live.className = shown ? 'toast' : 'vh';
    clearTimeout(gone);
    if (shown) gone = setTimeout(() => { live.className = 'vh'; }, 4000);
  };
  // Parts of a page are replaced, so event handlers are on the document.
  const on = (event, css, act) => document.addEventListener(event, (e) => {
    const el = e.target.closest?.(css);
    if (el) act(el, e);
  });
  // each runs when the page is loaded and when a part of it is replaced.
  const each = (act) => { for (const event of ['DOMContentLoaded', 'htmx:afterSwap']) document.addEventListener(event, act); };
  const copy = async (text, what) => {
    try {
      await navigator.clipboard.writeText(text);
      say(what + ' copied', true);
    } catch { say('The browser does not allow copying', true); }
  };
  return { $, $$, address, get, set, say, on, each, copy };
})();

{
  const { $, $$, address, on, each, copy } = wm;
  const root = document.documentElement;
  root.dataset.js = '';

  const dark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  const label = () => {
    const button = $('#theme');
    button.title = dark() ? 'Use the light theme' : 'Use the dark theme';
    button.setAttribute('aria-label', button.title);
  };
  on('click', '#theme', () => {
    root.dataset.theme = dark() ? 'light' : 'dark';
    document.cookie = 'theme=' + root.dataset.theme + '; path=' + address('/') + '; max-age=31536000; samesite=lax';
    label();
  });
  document.addEventListener('DOMContentLoaded', label);

  // ago mirrors web.Ago, so that the times of an open page stay correct.
  function ago(seconds) {
    const s = Math.max(seconds, 0); // a time in the future comes from a wrong clock: its age is 0
    const m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
    let text;
    if (s < 60) text = Math.floor(s) + ' s';
    else if (m < 60) text = m + ' min';
    else if (h < 24) text = h + ' h' + (m % 60 ? ' ' + (m % 60) + ' min' : '');
    else if (d < 10) text = d + ' d' + (h % 24 ? ' ' + (h % 24) + ' h' : '');
    else text = d + ' d';
    return text;
  }
  const times = () => {
    const now = Date.now() / 1000;
    for (const el of $$('time')) {
      const then = Date.parse(el.dateTime) / 1000;
      if (then) el.textContent = ago(now - then) + ('ago' in el.dataset ? ' ago' : '');
    }
  };
  each(times);
  setInterval(times, 15000);

  // A table that fits has no scroll bar of its own, so its headings stay in view on the
  // page. The headings of a wider one are moved along.
  const sizes = new ResizeObserver((all) => {
    for (const { target: box } of all) box.tabIndex = box.classList.toggle('fits', box.scrollWidth <= box.clientWidth) ? -1 : 0;
  });
  each(() => { sizes.disconnect(); for (const box of $$('.scroll')) sizes.observe(box); });
  addEventListener('scroll', () => {
    for (const box of $$('.scroll:not(.fits)')) {
      const head = $('thead', box), { top, bottom } = box.getBoundingClientRect();
      if (head) head.style.translate = '0 ' + Math.max(0, Math.min(-top, bottom - top - 2 * head.offsetHeight)) + 'px';
    }
  }, { passive: true });

  // data-copy is the text, the #id of the element with the text, or # for the address.
  on('click', 'button[data-copy]', (button) => {
    const text = button.dataset.copy;
    copy(text === '#' ? location.href : text.startsWith('#') ? $(text).value : text, button.textContent.trim());
  });
}

// Comfort only: every page works without this file.
'use strict';
(() => {
  const root = document.documentElement;
  const store = {
    get(key) { try { return localStorage.getItem(key); } catch { return null; } },
    set(key, value) { try { value ? localStorage.setItem(key, value) : localStorage.removeItem(key); } catch { /* private mode */ } },
  };
  const saved = store.get('theme');
  if (saved === 'light' || saved === 'dark') root.dataset.theme = saved;

  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const say = (text) => { const live = $('#live'); if (live) live.textContent = text; };

  function themeButton() {
    const button = $('#theme');
    if (!button) return;
    const dark = () => root.dataset.theme
      ? root.dataset.theme === 'dark'
      : matchMedia('(prefers-color-scheme: dark)').matches;
    const label = () => {
      button.setAttribute('aria-label', dark() ? 'Use the light theme' : 'Use the dark theme');
      button.title = button.getAttribute('aria-label');
    };
    button.hidden = false;
    label();
    button.addEventListener('click', () => {
      root.dataset.theme = dark() ? 'light' : 'dark';
      store.set('theme', root.dataset.theme);
      label();
    });
  }

  // ago mirrors web.Ago, so that a page that stays open keeps telling the truth.
  function ago(seconds) {
    const future = seconds < -5;
    const s = Math.abs(seconds);
    const m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
    let text;
    if (s < 60) text = Math.floor(s) + ' s';
    else if (m < 60) text = m + ' min';
    else if (h < 24) text = h + ' h' + (m % 60 ? ' ' + (m % 60) + ' min' : '');
    else if (d < 10) text = d + ' d' + (h % 24 ? ' ' + (h % 24) + ' h' : '');
    else text = d + ' d';
    return future ? 'in ' + text : text;
  }
  function relativeTimes() {
    const now = Date.now() / 1000;
    for (const el of $$('time')) {
      const then = Date.parse(el.dateTime) / 1000;
      if (then) el.textContent = ago(now - then) + ('ago' in el.dataset && now - then > -5 ? ' ago' : '');
    }
  }

  // names of the workflows on the page, one a line
  const names = () => $$('tbody th a').map((link) => link.textContent).join('\n');
  function copyButtons() {
    if (!navigator.clipboard) return;
    for (const button of $$('button[data-copy]')) {
      button.hidden = false;
      button.addEventListener('click', async () => {
        try {
          await navigator.clipboard.writeText(button.dataset.copy || names());
          const text = button.textContent;
          button.textContent = 'copied';
          say('Copied to the clipboard');
          setTimeout(() => { button.textContent = text; }, 1500);
        } catch { say('The browser did not allow copying'); }
      });
    }
  }

  function slashShortcut() {
    document.addEventListener('keydown', (event) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      const at = event.target;
      if (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)) return;
      const box = $('#q') || $('#search');
      if (box) { event.preventDefault(); box.focus(); box.select(); }
    });
  }

  // The pill appears when the cache server has a newer generation than the page.
  function pulse() {
    const pill = $('#pill');
    const shown = pill && pill.dataset.generation;
    if (!shown) return;
    const look = async () => {
      if (document.hidden || !pill.hidden) return;
      try {
        const answer = await fetch('/api/pulse', { cache: 'no-cache', headers: { Accept: 'application/json' } });
        if (!answer.ok) return;
        const news = await answer.json();
        if (news.Generation && news.Generation !== shown) {
          pill.hidden = false;
          say('Newer data are available');
        }
      } catch { /* the next page load will say what is wrong */ }
    };
    setInterval(look, 30000);
    document.addEventListener('visibilitychange', look);
  }

  document.addEventListener('DOMContentLoaded', () => {
    themeButton();
    copyButtons();
    slashShortcut();
    relativeTimes();
    setInterval(relativeTimes, 15000);
    pulse();
  });
})();

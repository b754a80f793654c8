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

  // The rows of the page's main table, each with the link of its name.
  const rows = () => $$('main tbody tr').filter((row) => $('th a', row));
  const picked = () => rows().filter((row) => 'picked' in row.dataset);
  // names of the workflows that are picked, or of all on the page, one a line
  const names = () => (picked().length ? picked() : rows()).map((row) => $('th a', row).textContent).join('\n');
  function copyButtons() {
    if (!navigator.clipboard) return;
    for (const part of $$('[data-script]')) part.hidden = false;
    for (const button of $$('button[data-copy]')) {
      button.hidden = false;
      button.addEventListener('click', async () => {
        try {
          await navigator.clipboard.writeText(button.dataset.copy === '#' ? location.href : button.dataset.copy || names());
          const text = button.textContent;
          button.textContent = 'copied';
          say('Copied to the clipboard');
          setTimeout(() => { button.textContent = text; }, 1500);
        } catch { say('The browser did not allow copying'); }
      });
    }
  }

  // Shortcuts of single keys, listed in the dialog of layout.templ. They can be
  // switched off, and never fire while something is typed.
  function shortcuts() {
    const dialog = $('#keys'), button = $('#help'), box = $('#keys-on');
    if (!dialog || !dialog.showModal) return;
    const help = () => { if (!dialog.open) dialog.showModal(); };
    button.hidden = false;
    button.addEventListener('click', help);
    box.checked = store.get('keys') !== 'off';
    box.addEventListener('change', () => store.set('keys', box.checked ? '' : 'off'));

    const move = (by) => {
      const all = rows();
      if (!all.length) return;
      const at = all.findIndex((row) => row.contains(document.activeElement));
      const to = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
      $('th a', all[to]).focus();
      all[to].scrollIntoView({ block: 'nearest' });
    };
    const pick = () => {
      const row = rows().find((one) => one.contains(document.activeElement));
      if (!row) return;
      if ('picked' in row.dataset) delete row.dataset.picked; else row.dataset.picked = '';
      const count = picked().length;
      for (const copy of $$('button[data-copy=""]')) copy.textContent = count ? count + ' names' : 'names';
      say(count + ' picked');
    };
    const follow = (selector) => { const link = $(selector); if (link) link.click(); };
    const keys = {
      '/': () => { const input = $('#q') || $('#search'); input.focus(); input.select(); },
      '?': help,
      j: () => move(1), k: () => move(-1), x: pick,
      '[': () => follow('a[rel=prev]'), ']': () => follow('a[rel=next]'),
    };
    let going = 0; // until when a letter after g is a page
    document.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || dialog.open || !box.checked) return;
      const at = event.target;
      if (at.isContentEditable || (/^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) && at.type !== 'checkbox')) return;
      const go = event.timeStamp < going && $('nav [data-key="' + CSS.escape(event.key) + '"]');
      going = event.key === 'g' ? event.timeStamp + 1500 : 0;
      const act = go ? () => go.click() : keys[event.key];
      if (act) { event.preventDefault(); act(); }
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
    shortcuts();
    relativeTimes();
    setInterval(relativeTimes, 15000);
    pulse();
  });
})();

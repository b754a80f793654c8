// Newer data: polled every 30 s while the page is visible and offered by the pill.
// With auto-refresh, they are loaded while the reader is idle.
{
  const { $, get, set, say, on } = wm;
  let touched = 0, newer = false;
  for (const event of ['pointermove', 'pointerdown', 'keydown', 'wheel', 'scroll']) {
    addEventListener(event, () => { touched = performance.now(); }, { capture: true, passive: true });
  }
  const idle = 3000; // ms without input
  const busy = () => document.hidden || performance.now() - touched < idle || document.activeElement.closest('form:not(#pick), dialog')
    || $('dialog[open], main table :checked') || String(getSelection());

  const refresh = () => {
    const pill = $('#pill');
    pill.dataset.pulse = '';
    newer = false;
    history.replaceState(history.state, '', pill.href);
    htmx.ajax('GET', pill.href, { source: '#main', target: '#main' });
  };
  // mark puts news of pinned names before the title of the page.
  let marked = '';
  const mark = (title) => {
    document.title = (title && title + ' · ') + document.title.replace(marked, '');
    marked = title && title + ' · ';
  };
  wm.mark = mark;
  const look = async () => {
    const pill = $('#pill'), pins = wm.pins(); // a hidden page looks for what is pinned only
    if (document.hidden && !pins || !pill.dataset.pulse) return;
    try {
      const answer = await fetch(pill.dataset.pulse + (pins && '&' + pins), { headers: { 'If-None-Match': pill.dataset.etag } });
      if (answer.status !== 200) return;
      const news = await answer.json();
      mark(news.Title);
      pill.dataset.etag = answer.headers.get('ETag');
      const badge = $('nav [data-key=l]');
      for (const [key, text] of [['count', news.Badge], ['new', news.New]]) if (text) badge.dataset[key] = text; else delete badge.dataset[key];
      pill.textContent = news.Text;
      newer = true;
      if (news.Text && pill.hidden && !$('#auto').checked) say(news.Text);
      pill.hidden = !news.Text;
    } catch { /* the next page load shows the error */ }
  };
  wm.refresh = refresh;
  on('click', '#pill', (pill, e) => {
    if (!$('#main[hx-select]') || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    refresh();
  });
  on('change', '#auto', (box) => {
    set('auto', box.checked);
    say(box.checked ? 'Auto-refresh on' : 'Auto-refresh off', true);
  });
  document.addEventListener('DOMContentLoaded', () => { $('#auto').checked = !!get('auto'); });
  setInterval(look, 30000);
  document.addEventListener('visibilitychange', look);
  setInterval(() => { if ($('#auto').checked && newer && !busy()) refresh(); }, 1000);
}

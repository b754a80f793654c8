// Links and forms boosted by htmx replace <main> or the results in it. This script
// keeps the focus, open details and the scroll positions of tables, and shows that a
// page is loading, or that it could not be loaded.
{
  const { $, $$, on, say } = wm;
  const nameOf = (el) => [
    el.tagName, el.closest('[aria-label]')?.ariaLabel, el.name, el.name && el.value, el.rel,
    (el.ariaLabel || (el.querySelector('span') || el).textContent).replace(/Do not e|[↑↓✓\s]/g, (s) => s[0] === 'D' ? 'E' : ''),
  ].join();
  const tables = () => $$('main .scroll').map((el) => [el.ariaLabel, el]);
  const boxes = () => $$('main details').map((el) => [el.id || $('summary', el).textContent, el]);
  const replaced = ({ target }) => target && /^(main|results)$/.test(target.id);

  let waiting, again;
  const busy = (on) => {
    clearTimeout(waiting);
    clearTimeout(again);
    if (!on) return $('main').removeAttribute('aria-busy');
    waiting = setTimeout(() => { $('main').ariaBusy = 'true'; say('Loading'); }, 150);
  };
  document.addEventListener('htmx:beforeRequest', ({ detail }) => { if (replaced(detail)) busy(true); });
  document.addEventListener('htmx:afterRequest', ({ detail }) => { if (replaced(detail)) busy(); });
  on('click', 'a[href]:not([data-dialog], [href^="#"], [href*="api/"])', (link, e) => {
    if (!e.defaultPrevented && !e.ctrlKey && !e.metaKey && !e.shiftKey && link.origin === location.origin) busy(true);
  });
  addEventListener('pageshow', () => busy());

  let kept;
  document.addEventListener('htmx:beforeSwap', ({ detail }) => {
    if (!replaced(detail)) return;
    const active = document.activeElement, from = detail.requestConfig.elt, main = $('main');
    kept = {
      focus: main.contains(active) && active !== main && !active.id && nameOf(active),
      inside: main.contains(active),
      places: Object.fromEntries(tables().map(([key, el]) => [key, el.scrollLeft])),
      open: Object.fromEntries(boxes().map(([key, el]) => [key, el.open])),
      turned: from.closest('.pager'),
      quiet: from.id === 'main', // auto-refresh, not an action of the reader
    };
  });
  document.addEventListener('htmx:afterSwap', ({ detail }) => {
    if (!replaced(detail) || !kept) return;
    const was = kept;
    kept = null;
    $('main').classList.remove('away');
    for (const [key, el] of boxes()) if (key in was.open) el.open = was.open[key];
    for (const [key, el] of tables()) if (was.places[key]) el.scrollLeft = was.places[key];
    if (was.turned) ($('.tools') || $('main')).scrollIntoView();
    if (was.inside && !$('main').contains(document.activeElement)) {
      const found = was.focus && $$('main a, main button, main input, main summary, main .scroll').find((el) => nameOf(el) === was.focus);
      (found || $('main')).focus({ preventScroll: true });
    }
    say(was.quiet ? '' : $('.tools .count')?.innerText || document.title);
  });

  // An error leaves the page as it is, in grey below a banner with the heading of the
  // error page, and the request is repeated.
  document.addEventListener('htmx:responseError', ({ detail }) => {
    if (!replaced(detail)) return;
    const page = new DOMParser().parseFromString(detail.xhr.responseText, 'text/html'), from = detail.requestConfig.elt;
    const banner = Object.assign(document.createElement('div'), { className: 'banner stale', role: 'alert' });
    banner.textContent = ($('h1', page)?.textContent || 'An error') + '. The page below is older than your request, which is repeated automatically.';
    $('#banner').replaceChildren(banner);
    $('main').classList.add('away');
    // afterRequest, which ends the waiting, comes after this event
    setTimeout(() => { again = setTimeout(() => from.id === 'main' ? wm.refresh() : htmx.trigger(from, from.action ? 'submit' : 'click'), 10000); });
  });
  document.addEventListener('htmx:sendError', () => say('The dashboard does not answer. This page has not changed.', true));
}

// Links and forms boosted by htmx replace <main>. This script keeps the focus, open
// details and the scroll positions of tables.
{
  const { $, $$, say } = wm;
  const nameOf = (el) => [
    el.tagName, el.closest('[aria-label]')?.ariaLabel, el.name, el.name && el.value, el.rel,
    (el.ariaLabel || (el.querySelector('span') || el).textContent).replace(/Do not e|[↑↓✓\s]/g, (s) => s[0] === 'D' ? 'E' : ''),
  ].join();
  const tops = () => $$('main .scroll').map((el) => [el.ariaLabel, el]);
  const boxes = () => $$('main details').map((el) => [el.id || $('summary', el).textContent, el]);
  let kept;
  document.addEventListener('htmx:beforeSwap', ({ detail }) => {
    if (detail.target.id !== 'main') return;
    const active = document.activeElement, from = detail.requestConfig.elt;
    kept = {
      focus: detail.target.contains(active) && active !== detail.target && !active.id && nameOf(active),
      inside: detail.target.contains(active),
      places: Object.fromEntries(tops().map(([key, el]) => [key, [el.scrollLeft, from.id === 'main' ? el.scrollTop : 0]])),
      open: Object.fromEntries(boxes().map(([key, el]) => [key, el.open])),
      turned: from.closest('.pager'),
      quiet: from.id === 'main', // auto-refresh, not an action of the reader
    };
  });
  document.addEventListener('htmx:afterSwap', ({ detail }) => {
    if (detail.target?.id !== 'main' || !kept) return;
    const was = kept;
    kept = null;
    for (const [key, el] of boxes()) if (key in was.open) el.open = was.open[key];
    for (const [key, el] of tops()) if (was.places[key]) [el.scrollLeft, el.scrollTop] = was.places[key];
    if (was.turned) ($('.tools') || $('main')).scrollIntoView();
    if (was.inside && !$('main').contains(document.activeElement)) {
      const again = was.focus && $$('main a, main button, main input, main summary, main .scroll').find((el) => nameOf(el) === was.focus);
      (again || $('main')).focus({ preventScroll: true });
    }
    if (!was.quiet) say($('.tools .count')?.innerText || document.title);
  });
  // Open the error page: it retries automatically.
  document.addEventListener('htmx:responseError', ({ detail }) => location.assign(detail.pathInfo.finalRequestPath));
  document.addEventListener('htmx:sendError', () => say('The dashboard does not answer. This page has not changed.', true));
}

// Pinned workflows, campaigns, sites and agents: kept in this browser, each with the
// state in which its reader last looked at it.
{
  const { $, $$, address, get, set, on, each, say } = wm;
  const most = 20, longest = 6000; // names, and characters of their address
  const pins = () => get('pins') || {};
  const write = (all) => String(new URLSearchParams(Object.entries(all).flatMap(([key, state]) => [['pin', key], ['seen', state]])));
  wm.pins = () => write(pins());
  // again: what is pinned has changed. own: this page is shown to its reader now.
  const show = (again, own = true) => {
    const all = pins(), box = $('#pinned'), query = write(all);
    let looked = 0;
    for (const button of $$('[data-pin]')) {
      const { pin, state } = button.dataset, held = Object.hasOwn(all, pin);
      button.textContent = held ? 'Unpin' : 'Pin';
      if (button.ariaLabel) button.ariaLabel = button.textContent + pin.slice(pin.indexOf(' '));
      if (held && own && !box?.contains(button)) { all[pin] = state; looked = 1; } // its own page is a look at it
    }
    if (looked) set('pins', all);
    if (!box || location.pathname === address('/pinned') || 'title' in box.dataset && again !== true) return;
    if (query) htmx.ajax('GET', address('/pinned') + '?' + query, { target: '#pinned', select: '#pinned', swap: 'outerHTML' });
    else box.hidden = true;
  };
  each(show);
  on('click', '[data-pin]', ({ dataset: { pin, state } }) => {
    const all = pins(), held = Object.hasOwn(all, pin);
    if (held) delete all[pin]; else all[pin] = state;
    if (Object.keys(all).length > most || write(all).length > longest) return say('No room for another pin: unpin one on the overview', true);
    set('pins', Object.keys(all).length && all);
    say(held ? 'Unpinned' : 'Pinned: the overview shows it', true);
    show(true);
  });
  on('click', '[data-seen]', () => {
    const all = pins();
    for (const { dataset: { pin, state } } of $$('#pinned [data-pin]')) if (Object.hasOwn(all, pin)) all[pin] = state;
    set('pins', all);
    wm.mark('');
    show(true);
  });
  // Another tab has changed the pins. If this were a look too, two tabs with the page of
  // one name would answer each other without end.
  addEventListener('storage', ({ key }) => { if (!key || key === address('pins')) show(true, false); });
}

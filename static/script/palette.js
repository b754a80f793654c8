// Dialogs: the palette (Ctrl-K), all values of a facet, the columns. They show pages
// of the server, such as /go and /facet/…, which htmx loads as the reader types.
{
  const { $, $$, address, get, on } = wm;
  const open = (dialog) => { if (!dialog.open) dialog.showModal(); };
  const palette = () => {
    const input = $('#go-q');
    open($('#palette'));
    input.select();
    htmx.trigger(input, 'opened');
  };
  const plain = (e) => !(e.ctrlKey || e.metaKey || e.shiftKey);
  on('click', '#find', (link, e) => { if (plain(e)) { e.preventDefault(); palette(); } });
  document.addEventListener('keydown', (e) => {
    if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === 'k') {
      e.preventDefault();
      palette();
    }
  });
  // Saved views are only in this browser, so they are added here.
  document.addEventListener('htmx:afterSwap', ({ detail }) => {
    if (detail.target.id !== 'go-list') return;
    const words = $('#go-q').value.toLowerCase().match(/"[^"]+|[^\s"]+/g), list = $('#go-list ul');
    for (const [name, query] of Object.entries(get('views') || {})) {
      if (!list || !words?.every((w) => name.toLowerCase().includes(w.replace('"', '')))) continue;
      const link = Object.assign(document.createElement('a'), { href: address('/workflows') + query, textContent: name });
      list.prepend(document.createElement('li'));
      list.firstChild.append(link, ' my view');
    }
  });
  on('click', 'a[data-dialog]', async (link, e) => {
    if (!plain(e)) return;
    e.preventDefault();
    await htmx.ajax('GET', link.href, { target: '#facet-body', select: '#values-page, #columns' });
    open($('#facet'));
    $('#facet input')?.focus();
  });
  // Esc closes the dialog at once; a search field would only empty itself.
  on('keydown', 'dialog', (dialog, e) => { if (e.key === 'Escape') { e.preventDefault(); dialog.close(); } });
  on('input', '#find-column', (input) => {
    for (const label of $$('.cols label')) label.hidden = !label.textContent.toLowerCase().includes(input.value.trim().toLowerCase());
  });
  on('click', 'button[data-close]', (button) => button.closest('dialog').close());
  // Arrow keys move through the results; Enter in the input opens the first.
  on('keydown', 'dialog', (dialog, e) => {
    const input = $('input[type=search]', dialog), all = [input, ...$$('li a:first-child', dialog)];
    const at = all.indexOf(document.activeElement), by = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (!input || at < 0 || !by) return;
    all[(at + by + all.length) % all.length].focus();
    e.preventDefault();
  });
  on('submit', '#palette form', (form, e) => {
    const first = $('#go-list li a');
    if (!first) return;
    e.preventDefault();
    first.click();
  });
}

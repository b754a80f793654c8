// Single-key shortcuts, listed in the dialog in layout.templ. They can be switched
// off, and are ignored while the reader types.
{
  const { $, $$, get, set, on } = wm;
  const help = () => { $('#keys').showModal(); };
  on('click', '#help', help);
  on('change', '#keys-on', (box) => set('keys', box.checked ? null : 'off'));
  document.addEventListener('DOMContentLoaded', () => { $('#keys-on').checked = get('keys') !== 'off'; });

  const rows = () => $$('main tbody tr:not([hidden])').filter((row) => $('th a', row));
  const at = (all) => all.findIndex((row) => row.contains(document.activeElement));
  const move = (by) => {
    const all = rows(), from = at(all);
    if (!all.length) return;
    const to = all[from < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(from + by, 0), all.length - 1)];
    $('th a', to).focus();
    to.scrollIntoView({ block: 'nearest' });
  };
  const follow = (css) => $(css)?.click();
  const keys = {
    '/': () => { const input = $('#q') || $('#search'); input.focus(); input.select(); },
    '?': help,
    j: () => move(1), k: () => move(-1),
    x: () => { const all = rows(), row = all[at(all)]; if (row) wm.toggle(row); },
    '[': () => follow('a[rel=prev]'), ']': () => follow('a[rel=next]'),
  };
  let going = 0; // time until which a key after g opens a page
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $('dialog[open]') || !$('#keys-on').checked) return;
    const el = event.target;
    if (el.isContentEditable || (/^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName) && el.type !== 'checkbox')) return;
    const go = event.timeStamp < going && $('[data-key="' + CSS.escape(event.key) + '"]');
    going = event.key === 'g' ? event.timeStamp + 1500 : 0;
    const act = go ? () => go.click() : Object.hasOwn(keys, event.key) && keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
}

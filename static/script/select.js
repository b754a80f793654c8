// Ticked rows, and actions on them without another page.
{
  const { $, $$, address, on, each, copy, say } = wm;
  const boxes = () => $$('main input[name=name]');
  const names = () => boxes().filter((box) => box.checked).map((box) => box.value);
  const api = (format) => address('/api/fetch') + '?' + new URLSearchParams({
    name: names().map((name) => name.replace(/[\\,]/g, '\\$&').replace(/^!/, '\\!')).join(), limit: 'all', format,
  });
  const shape = {
    names: () => names().join('\n'),
    'JSON list': () => JSON.stringify(names()),
    curl: () => "curl -sf --compressed '" + location.origin + api('ndjson').replaceAll("'", '%27') + "'",
  };
  const show = () => {
    const bar = $('#picked'), all = boxes(), count = names().length;
    if (!bar) return;
    bar.hidden = !count;
    $('b', bar).textContent = count + ' selected';
    $('[data-form=csv]', bar).href = api('csv') + '&dl=1';
    $('[data-form=ndjson]', bar).href = api('ndjson');
    const page = $('#all');
    page.checked = count === all.length;
    page.indeterminate = count && !page.checked;
    for (const box of all) box.closest('tr').toggleAttribute('data-picked', box.checked);
    if (count) say(count + ' selected');
  };
  const tick = (checked) => { for (const box of boxes()) box.checked = checked; show(); };
  on('change', 'main input[name=name]', show);
  on('change', '#all', (box) => tick(box.checked));
  on('click', '#picked [data-pick]', (button) => copy(shape[button.dataset.pick](), names().length + ' names'));
  on('click', '#picked [data-clear]', () => tick(false));
  each(show);
  wm.toggle = (row) => { const box = $('input[name=name]', row); if (box) { box.checked = !box.checked; show(); } };
}

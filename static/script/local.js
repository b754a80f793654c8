// Data stored in this browser only: saved views, the last visit, and which rows of
// Attention are hidden.
{
  const { $, $$, address, get, set, on, each, say } = wm;
  const button = (text, label) => Object.assign(document.createElement('button'), { type: 'button', textContent: text, ariaLabel: label, className: 'quiet' });

  const views = () => get('views') || {};
  const own = () => {
    const place = $('#mine');
    if (!place) return;
    place.replaceChildren(...Object.entries(views()).flatMap(([name, query]) => {
      const link = Object.assign(document.createElement('a'), { href: query, textContent: name });
      if (query === (location.search || '?')) link.ariaCurrent = 'true';
      const drop = button('×', 'Delete the view ' + name);
      drop.dataset.forget = name;
      return [link, drop];
    }));
    htmx.process(place);
  };
  each(own);
  on('click', '#save-view', () => { $('#save').showModal(); });
  on('submit', '#save form', (form) => {
    const name = form.elements.view.value.trim();
    if (!name) return;
    set('views', { ...views(), [name]: location.search || '?' });
    form.reset();
    own();
    say('View ' + name + ' saved in this browser', true);
  });
  on('click', '[data-forget]', (el) => {
    const { [el.dataset.forget]: _, ...rest } = views();
    set('views', rest);
    own();
  });

  // A visit ends after an hour without a page view.
  const now = Date.now(), hour = 3600e3;
  let visit = get('visit') || { began: now };
  document.addEventListener('DOMContentLoaded', () => {
    const generation = $('#pill').dataset.generation;
    if (visit.at && now - visit.at > hour) visit = { began: now, last: visit.at, since: visit.generation };
    if (generation) set('visit', { ...visit, at: now, generation });
    const link = $('#since-visit');
    if (link && visit.last) {
      link.href = address('/changed') + '?' + new URLSearchParams({ since: visit.since, from: Math.floor(visit.last / 1000) });
      link.classList.remove('off');
    }
  });

  // Rows of Attention that are hidden stay so for a day.
  const keyOf = (row) => row.dataset.item + ' ' + $('a', row).pathname;
  const sift = () => {
    const hidden = get('hidden') || {}, show = $('#show-hidden');
    let count = 0;
    for (const [key, until] of Object.entries(hidden)) if (until < Date.now()) delete hidden[key];
    set('hidden', hidden);
    for (const row of $$('tr[data-item]')) {
      row.hidden = keyOf(row) in hidden && !sift.all;
      count += keyOf(row) in hidden;
    }
    if (!show) return;
    show.hidden = !count;
    show.textContent = sift.all ? 'hide again' : count + ' hidden for 24 h: show';
  };
  each(sift);
  on('click', 'button[data-hide]', (el) => {
    const row = el.closest('tr'), near = (step) => { let next = row; do next = next[step]; while (next?.hidden); return next; };
    const next = near('nextElementSibling') || near('previousElementSibling');
    set('hidden', { ...get('hidden'), [keyOf(row)]: Date.now() + 24 * hour });
    sift();
    ($('[data-hide]', next || undefined) || $('#show-hidden')).focus();
    say('Hidden in this browser for 24 hours', true);
  });
  on('click', '#show-hidden', () => { sift.all = !sift.all; sift(); });
}

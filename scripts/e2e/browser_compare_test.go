package e2e

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// compared returns the figures of one row of a comparison.
func (b *tab) compared(label string) []string {
	b.t.Helper()
	rows := b.texts(".versus tbody th")
	at := slices.Index(rows, label)
	require.GreaterOrEqual(b.t, at, 0, "%s in %v", label, rows)
	return ask[[]string](b, `[...[...document.querySelectorAll(".versus tbody th")][`+strconv.Itoa(at)+`].parentNode.querySelectorAll("td")].map(e => e.innerText.trim())`)
}

// Two ticks and the button show the two rows side by side; the address alone shows
// the same, in a narrow window without a sideways scroll bar.
func compareTicked(b *tab) {
	b.open("/campaigns")
	names := b.texts("#results tbody th a")
	ticks := `#results input[type=checkbox]`
	require.Equal(b.t, len(names), ask[int](b, `document.querySelectorAll("`+ticks+`").length`))
	b.do(clickFirst("#results tbody tr:nth-child(2) input"), clickFirst("#results tbody tr:nth-child(3) input"))
	b.click("#compare button")
	q, err := url.Parse(b.address())
	require.NoError(b.t, err)
	assert.Equal(b.t, "/compare", q.Path)
	assert.Equal(b.t, names[1:3], q.Query()["campaign"])
	jobs := b.compared("jobs")
	require.Len(b.t, jobs, 2)
	b.do(chromedp.EmulateViewport(390, 800))
	b.fits("390 px")
	b.open(b.address())
	assert.Equal(b.t, jobs, b.compared("jobs"))
	b.click(".versus .drop")
	assert.Contains(b.t, b.text("#notes"), "at least two")
}

// From the overview a campaign, "compare with…" and another name: three clicks.
func compareInThreeClicks(b *tab) {
	b.open("/")
	first := b.texts(`section[aria-labelledby="top-campaign"] tbody th a`)[0]
	b.turns("a campaign", clickFirst(`section[aria-labelledby="top-campaign"] tbody th a`))
	b.click(`.head a[href*="/compare?"]`)
	second := b.texts("ul.names a")[0]
	b.turns("another name", clickFirst("ul.names a"))
	assert.Equal(b.t, []string{first, second}, ask[[]string](b, `[...document.querySelectorAll(".versus thead th a:not(.drop)")].map(a => a.textContent.trim())`))
	assert.NotEmpty(b.t, strings.Join(b.compared("failure rate"), ""))
}

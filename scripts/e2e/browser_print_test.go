package e2e

import (
	"context"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A sheet of paper, and the margin that browsers leave, in inches.
const a4Width, a4Height, margin = 8.27, 11.69, 0.4

// paper is a printed page with its words.
type paper struct {
	Width float64 `xml:"width,attr"`
	Words []struct {
		Right float64 `xml:"xMax,attr"`
		Left  float64 `xml:"xMin,attr"`
		Text  string  `xml:",chardata"`
	} `xml:"word"`
}

// prints prints the view to a PDF file and returns its pages as a reader of the
// file has them.
func (b *tab) prints(pdftotext string, landscape bool) (pages []paper) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	side := margin
	pdf, err := chromedp.Call(ctx, page.PrintToPDF, page.PrintToPDFParams{PaperWidth: a4Width, PaperHeight: a4Height, MarginLeft: &side, MarginRight: &side, Landscape: &landscape})
	require.NoError(b.t, err)
	file := filepath.Join(b.t.TempDir(), "view.pdf")
	require.NoError(b.t, os.WriteFile(file, pdf.Data, 0o600))
	out, err := exec.CommandContext(ctx, pdftotext, "-bbox", file, "-").Output()
	require.NoError(b.t, err)
	var all struct {
		Pages []paper `xml:"body>doc>page"`
	}
	require.NoError(b.t, xml.Unmarshal(out, &all))
	require.NotEmpty(b.t, all.Pages)
	return all.Pages
}

// printable returns the words of the headings of columns, and the figures, that the
// style for paper shows. Names of rows may be broken anywhere.
func (b *tab) printable(landscape bool) []string {
	b.t.Helper()
	emulate := func(media string) {
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media})
		require.NoError(b.t, err)
	}
	emulate("print")
	defer emulate("")
	width := int64(math.Floor((a4Width - 2*margin) * 96))
	if landscape {
		width = int64(math.Floor((a4Height - 2*margin) * 96))
	}
	b.do(chromedp.EmulateViewport(width, 1000)) // tables leave columns out by their width
	texts := ask[[]string](b, `[...document.querySelectorAll("main table :is(thead th, tbody td.n)")].filter(e => e.checkVisibility() && !e.querySelector(".vh")).map(e => e.innerText)`)
	return slices.DeleteFunc(tokens(texts...), func(word string) bool { return len(word) > longWord })
}

// longWord is the length of words that may be broken.
const longWord = 12

var token = regexp.MustCompile(`[\pL\pN]+`)

// tokens returns the words and figures of texts, each once.
func tokens(texts ...string) []string {
	all := token.FindAllString(strings.Join(texts, "\n"), -1)
	slices.Sort(all)
	return slices.Compact(all)
}

// TestBrowserPrint: a list, a campaign, a table of errors and a comparison on
// paper have the words of all headings and all figures, none of them broken or cut
// at an edge.
func TestBrowserPrint(t *testing.T) {
	browser := newBrowser(t)
	pdftotext, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("skipped: no pdftotext (poppler-utils) in PATH")
	}
	s, world := newWorld(t)
	answers := world.Answers()
	for _, address := range []string{
		"/workflows?limit=25", "/workflows?limit=25&cols=jobs&sort=-Failure", "/attention", "/sites", "/agents", "/errors",
		"/campaigns/" + answers.Down.Campaign, "/workflows/" + answers.Failing.Workflow,
		"/compare?campaign=" + answers.Pair.Good.Campaign + "&campaign=" + answers.Pair.Poor.Campaign,
	} {
		for _, landscape := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s landscape %t", strings.SplitN(address, "_", 2)[0], landscape), func(t *testing.T) {
				b := newTab(t, browser, s.ui, desktop())
				b.open(address)
				expected := b.printable(landscape)
				require.NotEmpty(t, expected)
				var printed []string
				for n, p := range b.prints(pdftotext, landscape) {
					for _, w := range p.Words {
						printed = append(printed, w.Text)
						assert.GreaterOrEqual(t, w.Left, 0.0, "%q on page %d", w.Text, n+1)
						assert.LessOrEqual(t, w.Right, p.Width, "%q on page %d is cut", w.Text, n+1)
					}
				}
				assert.Subset(t, tokens(printed...), expected)
			})
		}
	}
}

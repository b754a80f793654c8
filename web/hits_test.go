package web

import (
	"fmt"
	"html"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHits(t *testing.T) {
	for _, c := range []struct {
		text  string
		words []string
		want  string
	}{
		{"PPD_Run3Winter25Digi", []string{"run3", "PPD"}, "<mark>PPD</mark>_<mark>Run3</mark>Winter25Digi"},
		{"aaaa", []string{"aa"}, "<mark>aaaa</mark>"},
		{"abcd", []string{"bc", "cd", "b"}, "a<mark>bcd</mark>"},
		{"<b>&x", []string{"b>&"}, "&lt;<mark>b&gt;&amp;</mark>x"},
		{"a&lt", []string{"lt"}, "a&amp;<mark>lt</mark>"},
		{"gamma\u212A3", []string{"k3"}, "gamma\u212A3"}, // the sign of kelvin
		{"/É/été", []string{"/ÉT"}, "/É<mark>/ét</mark>é"},
		{"xİy", []string{"y"}, "xİ<mark>y</mark>"},
		{"x\xffÉy", []string{"éY"}, "x\xff<mark>Éy</mark>"},
		{"none", []string{"nowhere"}, "none"},
		{"none", nil, "none"},
	} {
		assert.Equal(t, c.want, markedHTML(c.text, c.words, templ.EscapeString), c.text)
	}
}

// A name with marks and places to wrap is the name, and each part that holds a word
// is marked.
func TestMarkedNamesAreTheNames(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	word := func(n int) string {
		out := make([]rune, 1+rng.IntN(n))
		for i := range out {
			out[i] = []rune("abA_<&É")[rng.IntN(7)]
		}
		return string(out)
	}
	tags := strings.NewReplacer("<mark>", "", "</mark>", "", "<wbr>", "")
	for range 3000 {
		name, words := word(20), []string{word(3), word(2)}
		var out strings.Builder
		require.NoError(t, breakable(name, words...).Render(t.Context(), &out))
		require.Equal(t, name, html.UnescapeString(tags.Replace(out.String())), "%q %q", name, words)
		for _, w := range words {
			has := strings.Contains(strings.ToLower(name), strings.ToLower(w))
			require.Equal(t, has, len(hits(name, []string{w})) > 0, fmt.Sprintf("%q in %q", w, name))
		}
	}
}

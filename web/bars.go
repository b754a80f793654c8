package web

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/a-h/templ"
)

// Bars are written here and not in a template: a table has hundreds of their
// parts, and a template has no short form of an element without content. All
// that is written are names of classes and numbers.

// barParts draws each part from the beginning of the bar to its end, the last
// one first, so that none has to say where it begins.
func barParts(parts []Part) templ.Component {
	var out strings.Builder
	for _, s := range slices.Backward(stack(parts)) {
		if s.Hatch {
			out.WriteString(`<rect width="` + s.End + `" fill="url(#hatch)"/>`)
		} else {
			out.WriteString(`<rect class="` + s.Class + `" width="` + s.End + `"/>`)
		}
	}
	return markup(out.String())
}

// meterBar repeats a figure that stands beside it, so it has no text.
func meterBar(percent float64, bad bool) templ.Component {
	class := ""
	if c := meterClass(percent, bad); c != "" {
		class = `class="` + c + `" `
	}
	return markup(`<svg class="meter"><rect ` + class + `width="` + meterWidth(percent) + `"/></svg>`)
}

// markup is text that is markup already.
func markup(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

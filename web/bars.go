package web

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/a-h/templ"
)

// Bars are written here and not in a template: a table has hundreds of parts of
// bars, and templ has no self-closing form of an element. Only class names and
// numbers are written, so nothing needs escaping.

// barParts draws each part from the start of the bar to the end of the part, the
// last part first, so that no part needs a start position.
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

// meterBar draws a percentage that is written beside it, so it has no text.
func meterBar(percent float64, bad bool) templ.Component {
	class := ""
	if c := meterClass(percent, bad); c != "" {
		class = `class="` + c + `" `
	}
	return markup(`<svg class="meter"><rect ` + class + `width="` + meterWidth(percent) + `"/></svg>`)
}

// markup returns a component that writes text unescaped.
func markup(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

package raw

import (
	"strings"
	"unicode/utf8"
)

// Flaw is one field of a document that had the wrong form. The field got the
// default of its type, unless Want says that the value was kept.
type Flaw struct {
	Path  string // path in the document, such as tasks./wf/GEN.sites.T2_CH_CERN.success
	Found string // what was there, shortened
	Want  string // what was expected
}

// maxFlaws is the maximum number of flaws that are kept for one document; all
// are counted.
const maxFlaws = 100

// flawList holds the flaws of one document that could still be used.
type flawList struct {
	Flaws     []Flaw // the first 100
	FlawCount int    // all
}

// DocError says why a invalid document.
type DocError struct {
	ID    string // _id, or "" when it can't be read
	Path  string // "" for the document as a whole
	Found string // shortened
	Want  string
	Err   error // cause, such as a JSON syntax error, or nil
}

func (e *DocError) Error() string {
	var b strings.Builder
	b.WriteString("document ")
	if e.ID == "" {
		b.WriteString("without a readable _id")
	} else {
		b.WriteString(e.ID)
	}
	if e.Path != "" {
		b.WriteString(": " + e.Path)
	}
	if e.Err != nil {
		return b.String() + ": " + e.Err.Error() + ", found " + e.Found
	}
	return b.String() + ": found " + e.Found + ", want " + e.Want
}

func (e *DocError) Unwrap() error { return e.Err }

// shorten turns what was found into one short valid text for a message. It
// always copies, so that a message never keeps a document in memory.
func shorten(raw []byte) string {
	const most = 60
	if len(raw) <= most {
		return strings.ToValidUTF8(string(raw), "\uFFFD")
	}
	cut := raw[:most]
	for len(cut) > 0 && !utf8.RuneStart(raw[len(cut)]) {
		cut = cut[:len(cut)-1]
	}
	return strings.ToValidUTF8(string(cut), "\uFFFD") + "..."
}

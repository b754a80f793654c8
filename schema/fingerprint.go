package schema

import (
	_ "embed"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// rules is a hash over the golden files: documents, and what the rules make of
// them. A test keeps it up to date.
//
//go:embed rules.txt
var rules string

// Fingerprint names what records are and how they are made of documents: the
// keys of all kinds of records with their types and units, the statuses, and
// the golden results of all rules, the content hash among them. Records that
// were kept under another one must be made again.
func Fingerprint() string {
	h := xxhash.New()
	for _, k := range Kinds() {
		_, _ = fmt.Fprintf(h, "%s\n", k.Name) // a hash takes all
		for _, f := range k.Fields {
			_, _ = fmt.Fprintf(h, "%q %q %q\n", f.Key, f.Type, f.Unit)
		}
	}
	_, _ = fmt.Fprintf(h, "%v\n%s", statuses, rules)
	return fmt.Sprintf("%016x", h.Sum64())
}

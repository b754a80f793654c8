package schema

import (
	_ "embed"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// rules is a hash over the golden files: the documents, and the records that
// the rules compute from them. A test keeps it up to date.
//
//go:embed rules.txt
var rules string

// variant makes another fingerprint of the same rules. The linker sets it (-X), for
// tests of what happens between servers of different versions.
var variant string

// Fingerprint identifies the form of records and the rules that compute them
// from documents: the keys of all kinds of records with their types and units,
// the statuses, and the golden results of all rules, including the content
// hash. Records that were stored under another fingerprint must be computed
// again.
func Fingerprint() string {
	h := xxhash.New()
	for _, k := range Kinds() {
		_, _ = fmt.Fprintf(h, "%s\n", k.Name) // writes to a hash never fail
		for _, f := range k.Fields {
			_, _ = fmt.Fprintf(h, "%q %q %q\n", f.Key, f.Type, f.Unit)
		}
	}
	_, _ = fmt.Fprintf(h, "%v\n%s", statuses, rules)
	_, _ = h.WriteString(variant)
	return fmt.Sprintf("%016x", h.Sum64())
}

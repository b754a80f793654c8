package identity

import (
	"errors"
	"strings"

	"github.com/dmwm/wmstats/program/filewatch"
)

// Secret is the token of this program, in a file that is re-read when it changes. It
// is safe for concurrent use.
type Secret struct{ file *filewatch.File[string] }

// NewSecret reads the token from a file. It uses only Recheck, Now and Log of o.
func NewSecret(path string, o Options) (*Secret, error) {
	o.complete()
	file, err := filewatch.Open(path, ParseSecret, o.file("cache server token"))
	if err != nil {
		return nil, err
	}
	return &Secret{file}, nil
}

// Value returns the token.
func (s *Secret) Value() string { return s.file.Value() }

// Reload re-reads the file now.
func (s *Secret) Reload() { s.file.Reload() }

// Fault explains why the current file is not in use; "" if it is.
func (s *Secret) Fault() string { return s.file.Fault() }

// ParseSecret returns the token in the text of a file; it must fit into a header.
func ParseSecret(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("want one token, without spaces")
	}
	return text, nil
}

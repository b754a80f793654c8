package identity

import (
	"errors"
	"strings"

	"github.com/dmwm/wmstats/program/filewatch"
)

// Secret is a token of this program's own, in a file that is read again when it
// has changed. Safe for many goroutines.
type Secret struct{ file *filewatch.File[string] }

// NewSecret reads the file. Of o only Recheck, Now and Log are used.
func NewSecret(path string, o Options) (*Secret, error) {
	o.complete()
	file, err := filewatch.Open(path, oneWord, o.file("the token for the cache server"))
	if err != nil {
		return nil, err
	}
	return &Secret{file}, nil
}

// Value is the token.
func (s *Secret) Value() string { return s.file.Value() }

// Reload reads the file again now.
func (s *Secret) Reload() { s.file.Reload() }

// Fault says why the token is not that of the file; "": it is.
func (s *Secret) Fault() string { return s.file.Fault() }

// oneWord is what fits into a header.
func oneWord(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("want one token, without spaces")
	}
	return text, nil
}

package identity

import (
	"errors"
	"strings"
)

// Secret is a token of this program's own, in a file that is read again when it
// has changed. Safe for many goroutines.
type Secret struct{ file *watched[string] }

// NewSecret reads the file. Of o only Recheck, Now and Log are used.
func NewSecret(path string, o Options) (*Secret, error) {
	o.complete()
	file, err := watch(path, oneWord, o)
	if err != nil {
		return nil, err
	}
	return &Secret{file}, nil
}

// Value is the token.
func (s *Secret) Value() string { return s.file.value() }

// Reload reads the file again now.
func (s *Secret) Reload() { s.file.reload() }

// oneWord is what fits into a header.
func oneWord(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("want one token, without spaces")
	}
	return text, nil
}

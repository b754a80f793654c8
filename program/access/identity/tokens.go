package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// tokens maps the hash of a token to its name. A token has 256 random bits, so an
// unsalted hash can't be reversed, and the time of a lookup by the hash reveals
// nothing about the token.
type tokens map[[sha256.Size]byte]string

// find looks up a token by its hash.
func (t tokens) find(token string) (name string, ok bool) {
	if token == "" {
		return "", false
	}
	var room [longest]byte // keeps the copy off the heap
	name, ok = t[sha256.Sum256(append(room[:0], token...))]
	return name, ok
}

const tokenKind = "sha256"

// ParseTokens parses lines of name:sha256:<hash in hex>, as returned by NewToken.
// Empty lines and lines that begin with # are ignored. A name may have several
// tokens, so that one can be replaced without an interruption. The error names every
// invalid line.
func ParseTokens(text string) (tokens, error) {
	out := tokens{}
	var faults []error
	for n, line := range lines(text) {
		name, rest, _ := strings.Cut(line, ":")
		kind, digits, _ := strings.Cut(rest, ":")
		raw, err := hex.DecodeString(digits)
		switch {
		case !goodName(name):
			faults = append(faults, fmt.Errorf("line %d: want a name before the first colon", n))
		case kind != tokenKind || err != nil || len(raw) != sha256.Size:
			faults = append(faults, fmt.Errorf("line %d: want name:sha256:<64 hexadecimal digits>", n))
		default:
			out[[sha256.Size]byte(raw)] = name
		}
	}
	return out, errors.Join(faults...)
}

// NewToken returns a new token, and its line for the file of tokens.
func NewToken(name string) (token, line string, err error) {
	if !goodName(name) || strings.ContainsAny(name, ":#") || strings.TrimSpace(name) != name {
		return "", "", fmt.Errorf("invalid name %q: leave out colons, # and spaces at the ends", name)
	}
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	token = "wms_" + base64.RawURLEncoding.EncodeToString(random[:])
	hash := sha256.Sum256([]byte(token))
	return token, name + ":" + tokenKind + ":" + hex.EncodeToString(hash[:]), nil
}

// tokenHelp is printed by "token -h" after the name of the program.
const tokenHelp = ` token NAME >>FILE

Make a bearer token for a client called NAME. The line for --token-file goes to
standard output, the token itself to standard error. The token is not stored and
can't be shown again; the file has only its hash.
`

// TokenCommand is the command "token NAME" of both servers. It writes the line for
// the file to out, and the token, which is stored nowhere, to say. It returns
// flag.ErrHelp if it printed help.
func TokenCommand(program string, args []string, out, say io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "-h", "-help", "--help", "help":
			fmt.Fprint(out, "Usage: ", program, tokenHelp)
			return flag.ErrHelp
		}
	}
	if len(args) != 1 || strings.HasPrefix(args[0], "-") {
		return fmt.Errorf("token: want one name that does not begin with a dash: %s token NAME >>FILE", program)
	}
	token, line, err := NewToken(args[0])
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, line); err != nil {
		return fmt.Errorf("write the line: %w", err)
	}
	if _, err := fmt.Fprintf(say, "token for %s, shown only now: %s\n", args[0], token); err != nil {
		return fmt.Errorf("write the token: %w", err)
	}
	return nil
}

// lines iterates over lines except empty ones and comments, with their numbers from
// 1.
func lines(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range strings.Lines(text) {
			n++
			line = strings.TrimRight(line, "\r\n")
			if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if !yield(n, line) {
				return
			}
		}
	}
}

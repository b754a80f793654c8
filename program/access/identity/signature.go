package identity

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the front end signs with HMAC-SHA1, which collisions of SHA-1 do not weaken
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// CMS's front end names the user in headers that begin with cms-authn or
// cms-authz, and signs them with a key that it shares with the servers behind it.
const (
	loginHeader     = "cms-authn-login"
	signatureHeader = "cms-authn-hmac"
	statusHeader    = "Cms-Auth-Status" // NONE: the front end has authenticated nobody
	rolePrefix      = "cms-authz-"
)

// Signed reports whether the front end's signature covers a header, or is in it.
func Signed(name string) bool {
	const prefix = len("cms-authn")
	return len(name) >= prefix && (strings.EqualFold(name[:prefix], "cms-authn") || strings.EqualFold(name[:prefix], "cms-authz"))
}

// Roles returns the roles that the front end has signed, sorted, each as its name, "="
// and what it is for: "admin=group:reqmgr". Without a good signature there are none.
func (c *Checker) Roles(r *http.Request) (roles []string) {
	if c.key == nil || !fromFrontEnd(r.Header) {
		return nil
	}
	if _, fault := c.key.Value().verify(r.Header); fault != "" {
		return nil
	}
	for name, values := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, rolePrefix) {
			roles = append(roles, lower[len(rolePrefix):]+"="+strings.Join(values, " "))
		}
	}
	slices.Sort(roles)
	return roles
}

// signingKey is the key of the front end: the bytes of its file.
type signingKey []byte

func parseKey(text string) (signingKey, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("it is empty")
	}
	return signingKey(text), nil
}

// fromFrontEnd reports whether a request says anything of the front end's login.
func fromFrontEnd(h http.Header) bool {
	if _, ok := h[statusHeader]; ok && nobody(h) {
		return true
	}
	for name := range h {
		if Signed(name) {
			return true
		}
	}
	return false
}

func nobody(h http.Header) bool {
	return slices.ContainsFunc(h[statusHeader], func(status string) bool { return strings.EqualFold(strings.TrimSpace(status), "NONE") })
}

// field is one signed header.
type field struct{ name, value string }

// verify returns the user of a signed request, or why it has none.
func (k signingKey) verify(h http.Header) (login, fault string) {
	if nobody(h) {
		return "", "The front end did not authenticate the user."
	}
	fields := make([]field, 0, 16)
	for name, values := range h {
		if !Signed(name) {
			continue
		}
		for _, value := range values {
			fields = append(fields, field{strings.ToLower(name), value})
		}
	}
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	var signature string
	for i, f := range fields {
		switch {
		case i > 0 && fields[i-1].name == f.name:
			return "", "A header of the front end was sent twice."
		case f.name == signatureHeader:
			signature = f.value
		case f.name == loginHeader:
			login = f.value
		}
	}
	switch {
	case signature == "":
		return "", "The signature of the front end is missing."
	case !hmac.Equal([]byte(signature), k.sign(fields)):
		return "", "The signature of the front end is not valid."
	case !goodName(login):
		return "", "The front end sent no valid user name."
	}
	return login, ""
}

// sign returns the signature of sorted headers, in hex. The lengths of all names and
// values come first, so that no two sets of headers have the same text.
func (k signingKey) sign(fields []field) []byte {
	size := 1
	for _, f := range fields {
		size += 2*len("hffffffff") + len(f.name) + len(f.value)
	}
	text := make([]byte, 0, size)
	for _, f := range fields {
		if f.name != signatureHeader {
			text = strconv.AppendInt(append(text, 'h'), int64(len(f.name)), 16)
			text = strconv.AppendInt(append(text, 'v'), int64(len(f.value)), 16)
		}
	}
	text = append(text, '#')
	for _, f := range fields {
		if f.name != signatureHeader {
			text = append(append(text, f.name...), f.value...)
		}
	}
	mac := hmac.New(sha1.New, k)
	_, _ = mac.Write(text) // never fails
	var sum [sha1.Size]byte
	out := make([]byte, hex.EncodedLen(len(sum)))
	hex.Encode(out, mac.Sum(sum[:0]))
	return out
}

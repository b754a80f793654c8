package tlsclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// Reasons for a failed connection. Errors of a Transport wrap one of them if the
// failure is one of TLS. Their texts continue a sentence about the server, and have no
// names of files or hosts.
var (
	ErrAuthority  = errors.New("its certificate is not from a known authority")
	ErrExpired    = errors.New("its certificate has expired or is not yet valid")
	ErrName       = errors.New("its certificate is for another host name")
	ErrInvalid    = errors.New("its certificate is not valid")
	ErrRequired   = errors.New("it requires a client certificate")
	ErrOwnExpired = errors.New("the client certificate for it has expired")
	ErrRefused    = errors.New("it refuses the client certificate")
	ErrNotTLS     = errors.New("it does not speak TLS at this address")
	ErrOnlyTLS    = errors.New("it speaks only TLS at this address")
	ErrHandshake  = errors.New("the TLS handshake failed")
)

// Reason is a reason with a short name for metrics.
type Reason struct {
	Err  error
	Name string
}

// Reasons returns all reasons.
func Reasons() []Reason {
	return []Reason{
		{ErrAuthority, "tls_authority"}, {ErrExpired, "tls_expired"}, {ErrName, "tls_name"}, {ErrInvalid, "tls_invalid"},
		{ErrRequired, "tls_certificate_required"}, {ErrOwnExpired, "tls_certificate_expired"}, {ErrRefused, "tls_certificate_refused"},
		{ErrNotTLS, "tls_not_spoken"}, {ErrOnlyTLS, "tls_needed"}, {ErrHandshake, "tls_handshake"},
	}
}

// Public returns the reason in an error, in words that any client may read; "" if the
// failure is not one of TLS.
func Public(err error) string {
	for _, r := range Reasons() {
		if errors.Is(err, r.Err) {
			return r.Err.Error()
		}
	}
	return ""
}

// explain adds the reason to an error of a transport.
func (s *state) explain(c *Client, err error) error {
	reason := reasonOf(err)
	switch {
	case reason == nil:
		return err
	case errors.Is(reason, ErrRefused), errors.Is(reason, ErrHandshake) && s.wanted.Load():
		reason = s.refused(c) // before TLS 1.3 a server may not say more than that the handshake failed
	}
	return fmt.Errorf("%w: %w", reason, err)
}

// refused tells an expired certificate from others that are refused, and from none.
func (s *state) refused(c *Client) error {
	switch {
	case s.cert == nil:
		return ErrRequired
	case c.now().After(s.expires):
		return ErrOwnExpired
	}
	return ErrRefused
}

// reasonOf returns the reason in an error of net/http; nil if it is not one of TLS.
func reasonOf(err error) error {
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var record tls.RecordHeaderError
	var verified *tls.CertificateVerificationError
	var op *net.OpError
	switch {
	case errors.As(err, &authority):
		return ErrAuthority
	case errors.As(err, &invalid):
		if invalid.Reason == x509.Expired {
			return ErrExpired
		}
		return ErrInvalid
	case errors.As(err, &name):
		return ErrName
	case errors.As(err, &verified):
		return ErrInvalid
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return ErrNotTLS
	case errors.As(err, &op) && op.Op == "remote error": // an alert of the server
		return ofAlert(op.Err.Error())
	case errors.As(err, &op) && op.Op == "local error":
		return ErrHandshake
	}
	return nil
}

// ofAlert returns the reason in the text of an alert; its type is not exported.
func ofAlert(text string) error {
	switch {
	case strings.Contains(text, "certificate required"):
		return ErrRequired
	case strings.Contains(text, "certificate"), strings.Contains(text, "access denied"):
		return ErrRefused
	}
	return ErrHandshake
}

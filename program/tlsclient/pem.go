package tlsclient

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// blocks iterates over the PEM blocks of a file.
func blocks(text string) func(yield func(*pem.Block) bool) {
	return func(yield func(*pem.Block) bool) {
		for rest := []byte(text); ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil || !yield(block) {
				return
			}
		}
	}
}

const certificate = "CERTIFICATE"

// parseAuthorities parses a file of certificates of authorities.
func parseAuthorities(text string) (*x509.CertPool, error) {
	pool, n := x509.NewCertPool(), 0
	for block := range blocks(text) {
		if block.Type != certificate {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", n+1, err)
		}
		pool.AddCert(cert)
		n++
	}
	if n == 0 {
		return nil, errors.New("it has no certificate in PEM form")
	}
	return pool, nil
}

// parseCertificates checks that a file has certificates. A key may be among them, as in
// a grid proxy: the proxy's certificate, its key, its issuers.
func parseCertificates(text string) (string, error) {
	for block := range blocks(text) {
		if block.Type == certificate {
			return text, nil
		}
	}
	return "", errors.New("it has no certificate in PEM form")
}

// parseKey checks that a file has a key that can be used.
func parseKey(text string) (string, error) {
	for block := range blocks(text) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			return "", errors.New("its key is encrypted: write the key without a passphrase into a file that only this program can read")
		case block.Type == "PRIVATE KEY", strings.HasSuffix(block.Type, " PRIVATE KEY"):
			return text, nil
		}
	}
	return "", errors.New("it has no private key in PEM form")
}

// pair returns a certificate with its key and issuers, and when the first of them
// expires. The texts may be the same.
func pair(certs, key string) (*tls.Certificate, time.Time, error) {
	if _, err := parseKey(key); err != nil {
		return nil, time.Time{}, err
	}
	cert, err := tls.X509KeyPair([]byte(certs), []byte(key))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("the key and the first certificate must belong together, and issuers follow: %w", err)
	}
	var expires time.Time
	for _, raw := range cert.Certificate {
		one, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("read an issuer: %w", err)
		}
		if expires.IsZero() || one.NotAfter.Before(expires) {
			expires = one.NotAfter
		}
	}
	return &cert, expires, nil
}

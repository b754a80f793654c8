// Package testca issues certificates for tests: an authority, authorities below it,
// servers, clients, and grid proxies. It is for tests only.
package testca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Identity is a certificate with its key and those that issued it.
type Identity struct {
	Cert    *x509.Certificate
	Key     crypto.Signer
	Issuers []*x509.Certificate // from its own issuer up, without the root
}

// Options of a certificate.
type Options struct {
	Name    string
	Hosts   []string      // names and addresses of a server
	Age     time.Duration // since it became valid; 0: 1 h
	Expires time.Duration // from now; 0: 30 days
	CA      bool
	Client  bool // with Hosts: the certificate is nevertheless a client's
}

// Root returns an authority that issued itself.
func Root(t testing.TB, name string) *Identity {
	t.Helper()
	return issue(t, nil, template(Options{Name: name, CA: true}))
}

// Issue returns a certificate issued by i.
func (i *Identity) Issue(t testing.TB, o Options) *Identity {
	t.Helper()
	return issue(t, i, template(o))
}

// Proxy returns a grid proxy (RFC 3820) of a client: a certificate for some hours that
// the client has issued.
func (i *Identity) Proxy(t testing.TB, expires time.Duration) *Identity {
	t.Helper()
	proxy := template(Options{Expires: expires})
	proxy.Subject = pkix.Name{}
	proxy.RawSubject = appendName(t, i.Cert.RawSubject, proxy.SerialNumber.String())
	// ProxyCertInfo: no limit of the path, the rights of the issuer (id-ppl-inheritAll).
	info, err := asn1.Marshal(struct {
		Policy struct{ Language asn1.ObjectIdentifier }
	}{struct{ Language asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 21, 1}}})
	require.NoError(t, err)
	proxy.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 14}, Critical: true, Value: info}}
	return issue(t, i, proxy)
}

// appendName returns a subject with one more common name.
func appendName(t testing.TB, subject []byte, name string) []byte {
	t.Helper()
	var names pkix.RDNSequence
	_, err := asn1.Unmarshal(subject, &names)
	require.NoError(t, err)
	names = append(names, pkix.RelativeDistinguishedNameSET{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: name}})
	raw, err := asn1.Marshal(names)
	require.NoError(t, err)
	return raw
}

func template(o Options) *x509.Certificate {
	const month = 30 * 24 * time.Hour
	if o.Age == 0 {
		o.Age = time.Hour
	}
	if o.Expires == 0 {
		o.Expires = month
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // never fails
	now := time.Now()
	cert := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: o.Name}, NotBefore: now.Add(-o.Age), NotAfter: now.Add(o.Expires),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if o.CA {
		cert.IsCA, cert.BasicConstraintsValid, cert.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
		return cert
	}
	cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(o.Hosts) > 0 && !o.Client {
		cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	for _, host := range o.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			cert.IPAddresses = append(cert.IPAddresses, ip)
		} else {
			cert.DNSNames = append(cert.DNSNames, host)
		}
	}
	return cert
}

func issue(t testing.TB, by *Identity, cert *x509.Certificate) *Identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	parent, signer := cert, crypto.Signer(key)
	made := &Identity{Key: key}
	if by != nil {
		parent, signer = by.Cert, by.Key
		if len(by.Issuers) > 0 || string(by.Cert.RawIssuer) != string(by.Cert.RawSubject) {
			made.Issuers = append([]*x509.Certificate{by.Cert}, by.Issuers...)
		}
	}
	raw, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), signer)
	require.NoError(t, err)
	made.Cert, err = x509.ParseCertificate(raw)
	require.NoError(t, err)
	return made
}

// CertPEM returns the certificate and its issuers.
func (i *Identity) CertPEM() string {
	return i.OwnPEM() + i.IssuersPEM()
}

// OwnPEM returns the certificate alone.
func (i *Identity) OwnPEM() string { return encode("CERTIFICATE", i.Cert.Raw) }

// IssuersPEM returns the issuers alone.
func (i *Identity) IssuersPEM() (text string) {
	for _, one := range i.Issuers {
		text += encode("CERTIFICATE", one.Raw)
	}
	return text
}

// KeyPEM returns the key.
func (i *Identity) KeyPEM(t testing.TB) string {
	t.Helper()
	raw, err := x509.MarshalPKCS8PrivateKey(i.Key)
	require.NoError(t, err)
	return encode("PRIVATE KEY", raw)
}

// GridFile returns the text of a proxy's file: certificate, key, issuers.
func (i *Identity) GridFile(t testing.TB) string {
	t.Helper()
	return i.OwnPEM() + i.KeyPEM(t) + i.IssuersPEM()
}

func encode(kind string, raw []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}))
}

// File writes a new file and returns its name.
func File(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pem")
	Write(t, path, text)
	return path
}

// Write replaces a file in one step.
func Write(t testing.TB, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

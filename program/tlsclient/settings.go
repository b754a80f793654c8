package tlsclient

import (
	"strings"

	"github.com/dmwm/wmstats/program/settings"
)

// Add adds the settings of the files to a table, as --PREFIX-ca and so on. server is
// the server for people.
func (f *Files) Add(t *settings.Table, prefix, server string) {
	t.Text(prefix+"-ca", &f.CA, "PEM `FILE` with the certificates of the authorities trusted for "+server+"; if empty, those of the system")
	t.Text(prefix+"-cert", &f.Cert, "PEM `FILE` with the certificate shown to "+server+", followed by its issuers; a grid proxy has the key in it too")
	t.Text(prefix+"-key", &f.Key, "PEM `FILE` with the key of --"+prefix+"-cert, not encrypted; if empty, the key is in that file")
}

// Validate reports invalid combinations of the settings. address is the server's.
func (f *Files) Validate(to *settings.Faults, prefix, address string) {
	if f.Key != "" && f.Cert == "" {
		to.Add("--%s-key needs --%s-cert", prefix, prefix)
	}
	if *f != (Files{}) && !https(address) {
		to.Add("--%s-ca, --%s-cert and --%s-key need an address that begins with https://", prefix, prefix, prefix)
	}
}

func https(address string) bool { return strings.HasPrefix(strings.ToLower(address), "https://") }

// Variables of the grid's tools.
const (
	proxyVariable = "X509_USER_PROXY"
	certVariable  = "X509_USER_CERT"
	keyVariable   = "X509_USER_KEY"
)

// FromGrid takes the certificate from the variables of the grid's tools, if the
// address is one of TLS and the settings name no certificate. given has the names of
// the settings that were set.
func (f *Files) FromGrid(t *settings.Table, prefix, address string, given map[string]bool, getenv func(string) string) {
	if !https(address) || given[prefix+"-cert"] || given[prefix+"-key"] {
		return
	}
	take := func(setting, variable string) { t.Take(prefix+"-"+setting, "environment "+variable, getenv(variable)) }
	switch {
	case getenv(proxyVariable) != "":
		take("cert", proxyVariable)
	case getenv(certVariable) != "" && getenv(keyVariable) != "":
		take("cert", certVariable)
		take("key", keyVariable)
	}
}

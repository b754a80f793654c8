package tlsclient_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/settings"
	"github.com/dmwm/wmstats/program/tlsclient"
)

// TestTheGridsVariables are used where the options are left out and the address is one
// of TLS.
func TestTheGridsVariables(t *testing.T) {
	all := map[string]string{"X509_USER_PROXY": "/tmp/proxy", "X509_USER_CERT": "/c", "X509_USER_KEY": "/k"}
	without := map[string]string{"X509_USER_CERT": "/c", "X509_USER_KEY": "/k"}
	for _, c := range []struct {
		address string
		env     map[string]string
		args    []string
		want    tlsclient.Files
		source  string // of the certificate
	}{
		{"https://h", all, nil, tlsclient.Files{Cert: "/tmp/proxy"}, "environment X509_USER_PROXY"},
		{"https://h", without, nil, tlsclient.Files{Cert: "/c", Key: "/k"}, "environment X509_USER_CERT"},
		{"https://h", map[string]string{"X509_USER_CERT": "/c"}, nil, tlsclient.Files{}, "default"},
		{"http://h", all, nil, tlsclient.Files{}, "default"},
		{"", all, nil, tlsclient.Files{}, "default"},
		{"https://h", all, []string{"--couch-cert", "/mine"}, tlsclient.Files{Cert: "/mine"}, "flag"},
		{"https://h", all, []string{"--couch-ca", "/ca"}, tlsclient.Files{CA: "/ca", Cert: "/tmp/proxy"}, "environment X509_USER_PROXY"},
		{"https://h", map[string]string{"WMSTATS_COUCH_CERT": "/w", "X509_USER_PROXY": "/p"}, nil, tlsclient.Files{Cert: "/w"}, "environment WMSTATS_COUCH_CERT"},
	} {
		for _, printed := range []bool{false, true} {
			var f tlsclient.Files
			table := settings.New("program", "WMSTATS_")
			f.Add(table, "couch", "CouchDB")
			getenv := func(name string) string { return c.env[name] }
			table.Derive(func(given map[string]bool) { f.FromGrid(table, "couch", c.address, given, getenv) })
			var out strings.Builder
			args := c.args
			if printed {
				args = append(args[:len(args):len(args)], "--print-config")
			}
			_, err := table.Parse(args, getenv, &out)
			if printed {
				require.ErrorIs(t, err, flag.ErrHelp)
				assert.Regexp(t, `--couch-cert=\S* +# `+c.source+"\n", out.String())
			} else {
				require.NoError(t, err)
			}
			assert.Equal(t, c.want, f, "%v", c)
		}
	}
}

func TestSettingsThatContradict(t *testing.T) {
	for _, c := range []struct {
		files   tlsclient.Files
		address string
		want    string // "": valid
	}{
		{tlsclient.Files{}, "http://h", ""}, {tlsclient.Files{}, "", ""}, {tlsclient.Files{CA: "a", Cert: "c", Key: "k"}, "https://h", ""}, {tlsclient.Files{Cert: "c"}, "HTTPS://h", ""},
		{tlsclient.Files{Key: "k"}, "https://h", "--couch-key needs --couch-cert"}, {tlsclient.Files{CA: "a"}, "http://h", "https://"}, {tlsclient.Files{Cert: "c"}, "dump.json", "https://"},
	} {
		var f settings.Faults
		c.files.Validate(&f, "couch", c.address)
		if c.want == "" {
			require.NoError(t, f.Err())
			continue
		}
		require.ErrorContains(t, f.Err(), c.want)
	}
}

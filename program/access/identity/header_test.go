package identity_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/program/access/identity"
)

// Headers with another meaning can't contain the user name.
func TestHeadersOfOtherMeaning(t *testing.T) {
	for _, name := range []string{"prefer", "Range", "DATE", "If-Match", "if-modified-since", "Accept-Charset", "X-Real-IP", "x-forwarded-port", "Max-Forwards", "Pragma"} {
		assert.Error(t, identity.CheckHeader(name), name)
	}
	for _, name := range []string{"", "X-Remote-User", "cms-authn-login", "X-Forwarded-User", "Remote-User", "X-Auth-Request-Email"} {
		assert.NoError(t, identity.CheckHeader(name), name)
	}
}

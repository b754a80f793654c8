package couch

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// overtaken is a server whose password is changed while a request is under way.
type overtaken struct {
	password atomic.Value
	sent     []string // path and password of each request
}

func (s *overtaken) RoundTrip(r *http.Request) (*http.Response, error) {
	_, password, _ := r.BasicAuth()
	s.sent = append(s.sent, r.URL.Path+" "+password)
	s.password.Store("new")
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{}`)), Request: r}
	if password != "new" {
		resp.StatusCode = http.StatusUnauthorized
		resp.Body = io.NopCloser(strings.NewReader(`{"error":"unauthorized","reason":"Name or password is incorrect."}`))
	}
	return resp, nil
}

// TestARequestOvertakenByANewPassword: a request that was under way when the
// password was changed costs one wrong login, not a second one that asks why:
// several of them would lead to the server's lockout.
func TestARequestOvertakenByANewPassword(t *testing.T) {
	s := &overtaken{}
	s.password.Store("old")
	o, base, err := Options{URL: "http://couch.invalid", User: "u", PasswordNow: func() string { text, _ := s.password.Load().(string); return text }}.withDefaults()
	require.NoError(t, err)
	l := newLogin(&o, base, s)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, (&url.URL{Scheme: "http", Host: base.Host, Path: "/wmstats"}).String(), nil)
	require.NoError(t, err)
	resp, err := l.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, []string{"/wmstats old", "/wmstats new"}, s.sent)
}

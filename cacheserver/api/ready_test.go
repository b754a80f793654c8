package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What is noted is for other requests too: whether a connection ends is said
// once, by who ends it.
func TestReadyHasNothingOfOneRequest(t *testing.T) {
	r := newReady(http.Header{"Connection": {"close"}, "X-Request-Id": {"a"}, "X-Total-Count": {"7"}}, nil, 0)
	assert.Equal(t, "X-Total-Count: 7\r\n", string(r.lines))
	assert.Equal(t, "X-Total-Count: 7\r\n", string(r.unchanged))
	assert.Len(t, r.header, 1)
}

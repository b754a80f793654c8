package couch

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever a server answers to calls that go through kivik, they return, and any
// other answer than a CouchDB's is an error of this package.
func TestOddAnswersAreErrors(t *testing.T) {
	bodies := map[string]string{
		"nothing": "", "null": "null", "list": "[]", "text": `"x"`, "number": "7", "page": "<html>", "cut": `{"update_seq":"1-`,
		"empty": "{}", "deep": strings.Repeat("[", 20_000), "long": `{"version":"` + strings.Repeat("x", 1<<20) + `"}`,
		"odd version":     `{"version":7,"vendor":[],"features":{}}`,
		"null vendor":     `{"version":null,"vendor":null,"features":null}`,
		"odd seed":        `{"version":"3","vendor":{"name":null,"seed":null}}`,
		"odd stats":       `{"db_name":7,"update_seq":{},"sizes":null,"cluster":{"n":"x"},"doc_count":"many"}`,
		"null stats":      `{"db_name":null,"update_seq":null,"sizes":null,"cluster":null,"instance_start_time":null,"doc_count":null,"doc_del_count":null}`,
		"huge numbers":    `{"update_seq":1e999,"doc_count":123456789012345678901234567890}`,
		"not UTF-8":       "\xff\xfe{}",
		"error object":    `{"error":"x"}`,
		"odd attachments": `{"_id":"w","_rev":"1-a","_attachments":7}`,
	}
	for name, body := range bodies {
		for _, status := range []int{200, 201, 204, 304, 400, 404, 500} {
			for _, form := range []string{"application/json", "text/html", "multipart/related; boundary=x", "\x00"} {
				t.Run(fmt.Sprintf("%s %d %s", name, status, form), func(t *testing.T) {
					c := answers(t, func(w http.ResponseWriter, _ *http.Request) {
						w.Header()["Content-Type"] = []string{form}
						w.Header().Set("ETag", "odd")
						w.WriteHeader(status)
						_, _ = w.Write([]byte(body))
					})
					_, err := c.Name(t.Context())
					known(t, err)
					position, err := c.Position(t.Context(), Requests)
					known(t, err)
					assert.Equal(t, err == nil, position.Seq != "")
					_, err = c.request(t.Context(), "w")
					known(t, err)
				})
			}
		}
	}
}

// known checks that an error is one of this package.
func known(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if err != nil {
		require.ErrorAs(t, err, &e)
		require.NotEmpty(t, Public(err))
	}
}

func TestAPanicOfTheLibraryFailsTheCall(t *testing.T) {
	err := viaKivik(context.Background(), "ask", func() error {
		var nothing *Error
		_ = nothing.Kind // as kivik does when a feed ends
		return nil
	})
	require.ErrorIs(t, err, ErrForm)
	require.ErrorContains(t, err, "panicked")
}

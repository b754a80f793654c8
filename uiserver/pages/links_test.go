package pages_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/uiserver/pages"
)

func TestParseLinks(t *testing.T) {
	links, err := pages.ParseLinks([]byte(`[{"Label":"ReqMgr2","URL":"https://reqmgr.example/fetch?rid={workflow}"}]`))
	require.NoError(t, err)
	assert.Equal(t, []pages.LinkTemplate{{Label: "ReqMgr2", URL: "https://reqmgr.example/fetch?rid={workflow}"}}, links)

	for text, wants := range map[string][]string{
		`{}`: {"want a list"},
		`[{"Label":"","URL":"https://x/{worklfow}"},{"Label":"b","URL":"javascript:alert(1)"}]`: {"link 1 has no Label", "{worklfow} is not one of", "link 2"},
		`[{"Label":"c","URL":"https://{workflow}.example/"}]`:                                   {"fixed host"},
	} {
		_, err := pages.ParseLinks([]byte(text))
		require.Error(t, err, text)
		for _, want := range wants {
			assert.ErrorContains(t, err, want)
		}
	}
}

package design_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/design"
)

func TestDocumentsHoldAllViews(t *testing.T) {
	docs, err := design.Documents()
	require.NoError(t, err)
	found := 0
	for _, d := range docs {
		assert.True(t, slices.Contains(design.Databases(), d.DB))
		var body struct {
			ID       string `json:"_id"`
			Language string
			Views    map[string]struct{ Map, Reduce string }
		}
		require.NoError(t, json.Unmarshal(d.JSON, &body))
		assert.Equal(t, d.ID, body.ID)
		assert.Equal(t, "javascript", body.Language)
		for _, v := range design.Views() {
			if v.DB == d.DB && "_design/"+v.Design == d.ID {
				assert.Equal(t, v.Map, body.Views[v.Name].Map)
				assert.Equal(t, v.Reduce, body.Views[v.Name].Reduce)
				found++
			}
		}
	}
	assert.Len(t, design.Views(), found)
}

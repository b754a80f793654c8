package schema_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/schema"
)

func TestRequestNames(t *testing.T) {
	for name, want := range map[string]struct{ is, whole bool }{
		"pdmvserv_task_PPD-Run3Winter25Digi-00012__v1_T_251130_101112_1234": {true, true},
		"pdmvserv_task_PPD-Run3Winter25Digi-00012__v1_T_251130_101112":      {true, false},
		"a":                      {true, false},
		"":                       {false, false},
		"_design/x":              {false, false},
		"_all_docs":              {false, false},
		"..":                     {false, false},
		"a/b_251130_101112_1":    {false, false},
		"a b_251130_101112_1":    {false, false},
		"é_251130_101112_1":      {false, false},
		"a_251130_101112_1\n":    {false, false},
		strings.Repeat("a", 150): {true, false},
		strings.Repeat("a", 151): {false, false},
	} {
		assert.Equal(t, want.is, schema.IsRequestName(name), name)
		assert.Equal(t, want.whole, schema.IsWholeRequestName(name), name)
	}
}

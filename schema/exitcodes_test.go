package schema

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNegativeExitCodes(t *testing.T) {
	for code, want := range map[int64]ExitCodeInfo{
		-1:   {ExitCode: -1, Area: AreaOther, Meaning: "no exit code was reported"},
		-2:   {ExitCode: -2, Area: AreaKilled, Meaning: "killed by a signal 2"},
		-9:   {ExitCode: -9, Area: AreaKilled, Meaning: "killed by a signal 9"},
		-15:  {ExitCode: -15, Area: AreaKilled, Meaning: "killed by a signal 15"},
		-64:  {ExitCode: -64, Area: AreaKilled, Meaning: "killed by a signal 64"},
		-65:  {ExitCode: -65, Area: AreaOther, Meaning: "not in the table of exit codes"},
		-999: {ExitCode: -999, Area: AreaOther, Meaning: "not in the table of exit codes"},
	} {
		info, known := ExitCodeOf(code)
		assert.False(t, known)
		assert.Equal(t, want, info)
	}
	assert.Equal(t, int64(-1), ErrorSummary{ExitCode: -1}.ExitCode)
}

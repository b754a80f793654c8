package version

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOfBuild(t *testing.T) {
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	assert.Equal(t, "unknown", ofBuild(nil))
	assert.Equal(t, "0123456789ab", ofBuild([]debug.BuildSetting{setting("vcs.revision", "0123456789abcdef"), setting("vcs.modified", "false")}))
	assert.Equal(t, "abc-dirty", ofBuild([]debug.BuildSetting{setting("vcs.modified", "true"), setting("vcs.revision", "abc")}))
}

func TestTheLinkersVersionCounts(t *testing.T) {
	text = "v0.1.0"
	t.Cleanup(func() { text = "" })
	assert.Equal(t, "v0.1.0", Text())
	assert.Regexp(t, `^server v0\.1\.0 \(go\S+( .*)?, \w+/\w+\)$`, Line("server"))
}

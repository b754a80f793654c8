package peers_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/program/access/peers"
)

// A list without a usable address is an error, not an empty list.
func TestListsOfNobody(t *testing.T) {
	for _, text := range []string{",", " ", " , ,", "0.0.0.0", "::", "0.0.0.0/8", "::/8", "10.0.0.1,0.0.0.0"} {
		_, err := peers.Parse(text)
		assert.Error(t, err, text)
	}
	list, err := peers.Parse("")
	assert.NoError(t, err)
	assert.Empty(t, list)
}

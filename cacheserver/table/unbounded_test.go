package table

import (
	"context"

	"github.com/dmwm/wmstats/cacheserver/budget"
)

// unbounded is a budget for tests of results.
func unbounded() *budget.Budget { return budget.New(context.Background(), budget.Options{}) }

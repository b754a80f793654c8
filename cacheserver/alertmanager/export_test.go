package alertmanager

import "context"

// Look gathers the alerts that hold, as Run does after each new generation.
func (p *Poster) Look(ctx context.Context) (complete bool) {
	var changed bool
	_, complete = p.look(ctx, &changed)
	return complete
}

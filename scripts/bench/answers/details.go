package answers

import (
	"context"
	"fmt"
	"io"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// details stands for a source that reads one workflow: about 12 KB, the size of
// the documents in the test of the old prototype.
type details struct{}

// Detail generates a detail with some agents, tasks and sites.
func (details) Detail(_ context.Context, request string, _ []string) (schema.Detail, error) {
	const agents, tasks, sites = 1, 3, 4
	var d schema.Detail
	for a := range agents {
		agent := fmt.Sprintf("vocms%04d.cern.ch", a)
		d.Agents = append(d.Agents, schema.WorkflowAgent{Workflow: request, Agent: agent, Team: "production"})
		for t := range tasks {
			task := fmt.Sprintf("/%s/Task%d", request, t)
			d.Tasks = append(d.Tasks, schema.WorkflowTask{Workflow: request, Agent: agent, Task: task})
			for s := range sites {
				d.TaskSites = append(d.TaskSites, schema.TaskSite{Workflow: request, Agent: agent, Task: task, Site: fmt.Sprintf("T2_XX_Site%d", s)})
			}
		}
	}
	d.ErrorsState = "none"
	return d, nil
}

// warm builds all segments of one format for the newest generation.
func (s *served) warm(ctx context.Context, format string) error {
	generation, ok := s.store.Newest()
	if !ok {
		return fmt.Errorf("warm %s: no generation exists", format)
	}
	all, err := generation.Select(ctx, wire.Query{})
	if err == nil {
		err = all.StitchTo(io.Discard, 0, generation.Total(), wire.Format(format))
	}
	if err != nil {
		return fmt.Errorf("warm %s: %w", format, err)
	}
	return nil
}

package answers

import (
	"context"
	"fmt"
	"strings"
)

// growth measures a hot page with more records and with more connections.
func (r *run) growth(ctx context.Context) error {
	if gone := missing("wrk", "taskset"); gone != nil {
		fmt.Fprintf(r.Out, "skipped: %s not installed (apt-get install wrk util-linux)\n", strings.Join(gone, ", "))
		return nil
	}
	servers := make([]*child, len(r.Sizes))
	for i, n := range r.Sizes {
		c, err := r.startServer(ctx, n)
		if err != nil {
			return err
		}
		defer r.stop(c)
		servers[i] = c
	}
	if err := r.growRecords(ctx, servers); err != nil {
		return err
	}
	connections := []int{1, 8, 64, 512}
	byCount := make([]loads, len(connections))
	for range r.Rounds {
		for i, n := range connections {
			l, err := r.wrk(ctx, servers[0], "/fetch", n)
			if err != nil {
				return err
			}
			byCount[i] = append(byCount[i], l)
		}
	}
	for i, n := range connections {
		name := fmt.Sprintf("hot page, %d connections", n)
		r.line(name, byCount[i].median(perSecond), "1/s", "")
		r.line(name+", processor", byCount[i].median(cpuOf), "us/request", "")
		r.line(name+", p99", byCount[i].median(p99Of), "ms", "")
	}
	return nil
}

// growPages are pages whose cost should not depend on the number of records,
// and one whose cost may.
var growPages = []struct{ name, path string }{
	{"hot page", "/fetch"},
	{"filtered page", "/fetch?status=running-open&priority=110000&sort=-Priority"},
	{"sorted page", "/fetch?sort=-Priority"},
}

func (r *run) growRecords(ctx context.Context, servers []*child) error {
	const connections = 64
	for _, page := range growPages {
		bySize := make([]loads, len(servers))
		for i := range servers { // work that is done once per generation is not measured here
			if _, _, err := fetch(ctx, servers[i].url+page.path); err != nil {
				return err
			}
		}
		for range r.Rounds {
			for i, c := range servers {
				l, err := r.wrk(ctx, c, page.path, connections)
				if err != nil {
					return err
				}
				bySize[i] = append(bySize[i], l)
			}
		}
		for i, n := range r.Sizes {
			name := fmt.Sprintf("%s, %d records", page.name, n)
			r.line(name, bySize[i].median(perSecond), "1/s", "")
			bar := ""
			if i > 0 && page.name == "hot page" {
				bar = "at most 1.1"
			}
			r.line(name+", processor", bySize[i].median(cpuOf), "us/request", "")
			if i > 0 {
				r.line(name+", processor to the smallest", bySize[i].median(cpuOf)/bySize[0].median(cpuOf), "x", bar)
			}
		}
	}
	return nil
}

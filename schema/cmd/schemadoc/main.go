// Command schemadoc writes docs/reference/schema.md; go generate runs it.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/internal/schemadoc"
)

func main() {
	out := flag.String("o", "schema.md", "file to write")
	flag.Parse()
	page := schemadoc.Render(schema.Kinds(), schema.Statuses())
	if err := os.WriteFile(*out, page, 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "schemadoc:", err)
		os.Exit(1)
	}
}

package repeat

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
)

// Asked counts the requests to a Source since its start, which it reports at
// /_asked: with it a measurement can check that not everything was read again.
type Asked struct {
	Reads int            // of views and lists: parts of a full read
	Since map[string]int // feeds, by the position they were followed from
}

// asked counts requests.
type asked struct {
	mu sync.Mutex
	Asked
}

// note counts a request for path in a database.
func (a *asked) note(r *http.Request, path string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case path == "_changes":
		if a.Since == nil {
			a.Since = map[string]int{}
		}
		a.Since[r.URL.Query().Get("since")]++
	case strings.HasPrefix(path, "_"):
		a.Reads++
	}
}

func (a *asked) answer(w http.ResponseWriter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = json.NewEncoder(w).Encode(a.Asked) // the reader may have left
}

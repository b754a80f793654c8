package repeat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// feed holds the written documents, of which there are few, and notifies
// followers.
type feed struct {
	mu      sync.Mutex
	docs    map[string][]byte // by id
	written []string          // ids in order; the seq of an id is its position, from 1
	more    chan struct{}     // closed with the next write
}

func newFeed() *feed { return &feed{docs: map[string][]byte{}, more: make(chan struct{})} }

func (f *feed) get(id string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.docs[id]
}

// put stores a document and returns its number.
func (f *feed) put(id string, doc []byte) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.docs[id] = doc
	f.written = append(f.written, id)
	close(f.more)
	f.more = make(chan struct{})
	return len(f.written)
}

// after returns the rows of a feed after a seq, the seq after them, and a
// channel that is closed when there are more.
func (f *feed) after(seq int) (rows [][]byte, next int, more <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ; seq < len(f.written); seq++ {
		id := f.written[seq]
		rows = append(rows, fmt.Appendf(nil, `{"seq":"%d-x","id":%q,"changes":[{"rev":%q}],"doc":%s}`, seq+1, id, rev(seq+1), f.docs[id]))
	}
	return rows, seq, f.more
}

func (f *feed) seq() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.written)
}

func rev(n int) string { return strconv.Itoa(n+1) + "-0" }

// follow answers a feed: a continuous one until the reader leaves, any other with
// the rows after since.
func (f *feed) follow(w http.ResponseWriter, r *http.Request) {
	beat := time.Second
	if ms, err := strconv.Atoi(r.URL.Query().Get("heartbeat")); err == nil && ms > 0 {
		beat = time.Duration(ms) * time.Millisecond
	}
	number, _, _ := strings.Cut(r.URL.Query().Get("since"), "-")
	seq, err := strconv.Atoi(number)
	if err != nil {
		fail(w, http.StatusBadRequest, "since is not a seq of this source")
		return
	}
	if r.URL.Query().Get("feed") != "continuous" {
		f.once(w, r, seq)
		return
	}
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	control := http.NewResponseController(w)
	for {
		rows, next, more := f.after(seq)
		seq = next
		if _, err := w.Write(append(bytes.Join(rows, []byte("\n")), '\n')); err != nil || control.Flush() != nil {
			return // the reader has left
		}
		select {
		case <-more:
		case <-ticker.C:
		case <-r.Context().Done():
			return
		}
	}
}

// once answers with the rows after a seq, at most as many as requested.
func (f *feed) once(w http.ResponseWriter, r *http.Request, seq int) {
	rows, next, _ := f.after(seq)
	pending := 0
	if limit, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && limit >= 0 && limit < len(rows) {
		pending = len(rows) - limit
		rows, next = rows[:limit], next-pending
	}
	fmt.Fprintf(w, `{"results":[%s],"last_seq":"%d-x","pending":%d}`+"\n", bytes.Join(rows, []byte(",\n")), next, pending)
}

// write stores a new version of a document.
func (f *feed) write(w http.ResponseWriter, r *http.Request, id string) {
	doc, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<20))
	if err != nil || !json.Valid(doc) {
		fail(w, http.StatusBadRequest, "not a JSON document")
		return
	}
	n := f.put(id, doc)
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"ok":true,"id":%q,"rev":%q}`+"\n", id, rev(n))
}

// Package static serves the style sheet, the script and the icon of the pages. They
// are embedded in the binary, and their addresses contain a hash of their content,
// so that browsers may cache them forever and still use those of a new release at
// once. The script is several files served as one, with the vendored, unmodified
// htmx first, so that a page needs one request for all of it. Own files are minified
// and all files compressed at startup; there is no build step. The package is not a
// file server: it reads nothing from disk.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/js"
)

//go:embed files script vendored/htmx.min.js
var files embed.FS

// Prefix is the path where Assets must be mounted.
const Prefix = "/static/"

// hashLength is the number of hexadecimal digits of the SHA-256 in a path.
const hashLength = 16

// Names of the assets.
const (
	Style  = "app.css"
	Script = "app.js"
	Icon   = "icon.svg"
)

// Assets serves the embedded files. It is immutable after New.
type Assets struct {
	byName map[string]*asset
	byPath map[string]*asset
}

type asset struct {
	path  string // /static/<hash>/<name>
	media string
	plain []byte
	gzip  []byte // nil if not smaller
}

// sources are the files of each asset, in order.
var sources = map[string][]string{
	Style:  {"files/app.css"},
	Icon:   {"files/icon.svg"},
	Script: append([]string{"vendored/htmx.min.js"}, Own()...),
}

// Own returns the project's own files of the script, in the order in which they are
// served.
func Own() []string {
	return []string{
		"script/core.js", "script/swap.js", "script/pins.js", "script/live.js", "script/palette.js",
		"script/select.js", "script/local.js", "script/keys.js",
	}
}

// Source returns one embedded file as it is served: own scripts and styles minified,
// vendored files unchanged.
func Source(name string) ([]byte, error) {
	text, err := files.ReadFile(name)
	if err != nil || strings.HasPrefix(name, "vendored/") {
		return text, err
	}
	m := minify.New()
	m.AddFunc(".css", css.Minify)
	m.AddFunc(".js", js.Minify)
	small, err := m.Bytes(path.Ext(name), text)
	if errors.Is(err, minify.ErrNotExist) {
		return text, nil // an image
	}
	return small, err
}

// New returns the assets: it joins, hashes and compresses the embedded files.
func New() (*Assets, error) {
	a := &Assets{byName: map[string]*asset{}, byPath: map[string]*asset{}}
	for name, parts := range sources {
		one, err := load(name, parts)
		if err != nil {
			return nil, fmt.Errorf("asset %s: %w", name, err)
		}
		a.byName[name] = one
		a.byPath[one.path] = one
	}
	return a, nil
}

func load(name string, parts []string) (*asset, error) {
	media, err := mediaType(name)
	if err != nil {
		return nil, err
	}
	var texts [][]byte
	for _, part := range parts {
		text, err := Source(part)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	plain := bytes.Join(texts, []byte("\n"))
	small, err := pack(plain)
	if err != nil {
		return nil, err
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(plain))[:hashLength]
	one := &asset{path: Prefix + sum + "/" + name, media: media, plain: plain}
	if len(small) < len(plain) {
		one.gzip = small
	}
	return one, nil
}

// pack compresses with the best level of gzip, as it is done only once.
func pack(plain []byte) ([]byte, error) {
	var small bytes.Buffer
	zw, err := gzip.NewWriterLevel(&small, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := zw.Write(plain); err != nil {
		return nil, err
	}
	err = zw.Close()
	return small.Bytes(), err
}

// mediaType returns the media type by file extension. It does not use
// mime.TypeByExtension, which depends on files of the system.
func mediaType(name string) (string, error) {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8", nil
	case ".js":
		return "text/javascript; charset=utf-8", nil
	case ".svg":
		return "image/svg+xml", nil
	}
	return "", fmt.Errorf("unknown media type")
}

// URL returns the path of an asset, or "" if there is no such asset.
func (a *Assets) URL(name string) string {
	if one := a.byName[name]; one != nil {
		return one.path
	}
	return ""
}

// Names returns the names of the assets in no particular order.
func (a *Assets) Names() []string {
	names := make([]string, 0, len(a.byName))
	for name := range a.byName {
		names = append(names, name)
	}
	return names
}

// Sizes returns the size of an asset in bytes, plain and with gzip.
func (a *Assets) Sizes(name string) (plain, compressed int) {
	if one := a.byName[name]; one != nil {
		return len(one.plain), len(one.gzip)
	}
	return 0, 0
}

// ServeHTTP answers GET and HEAD for the exact paths returned by URL. A path with an
// old hash is 404, because its content differs.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	one := a.byPath[r.URL.Path]
	if one == nil {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Type", one.media)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	body := one.plain
	if one.gzip != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = one.gzip
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // an error here means that the browser disconnected
	}
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3): gzip or * with a
// weight above 0; an explicit gzip;q=0 wins over *.
func acceptsGzip(header string) bool {
	wild := false
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(part, ";")
		ok := true
		if q, found := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q="); found {
			weight, err := strconv.ParseFloat(q, 64)
			ok = err == nil && weight > 0
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return ok
		case "*":
			wild = ok
		}
	}
	return wild
}
